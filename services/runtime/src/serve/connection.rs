//! A connection's bytes, plain or TLS: who reads from it learns that a stranger spoke, and gets no more of a stranger than
//! the gate allows.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::TcpConnectInfo;

use super::{gate::ClientConnection, places::Stage};

/// An accepted connection.
pub(super) struct Connection {
    stream: Stream,
    client: ClientConnection,
    spoke: bool,
    /// Waits for somebody to be let in, once all bytes that a stranger may send were read.
    waits: Option<BoxFuture<'static, ()>>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection {
    pub(super) fn plain(stream: TcpStream, client: ClientConnection) -> Self {
        Self { stream: Stream::Plain(stream), client, spoke: false, waits: None }
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>, client: ClientConnection) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), client, spoke: true, waits: None }
    }

    /// Both ends of the line.
    pub(super) fn info(&self, peer: SocketAddr) -> TcpConnectInfo {
        let socket = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        };
        TcpConnectInfo { local_addr: socket.local_addr().ok(), remote_addr: Some(peer) }
    }

    /// Whether the peer showed the certificate of a service. The handshake has checked it.
    pub(super) fn is_of_service(&self) -> bool {
        match &self.stream {
            Stream::Plain(_) => false,
            Stream::Tls(stream) => stream.get_ref().1.peer_certificates().is_some(),
        }
    }

    fn stream(&mut self) -> Pin<&mut (dyn Io + '_)> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream),
            Stream::Tls(stream) => Pin::new(&mut **stream),
        }
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Some(waits) = &mut self.waits {
            ready!(waits.as_mut().poll(cx));
            self.waits = None;
        }
        let left = self.client.bytes_left();
        if left.is_none() && self.spoke {
            return self.stream().poll_read(cx, buffer);
        }
        if left == Some(0) {
            let client = self.client.clone();
            self.waits = Some(Box::pin(async move { client.until_let_in().await }));
            return self.poll_read(cx, buffer);
        }
        let mut part = buffer.take(left.unwrap_or(usize::MAX));
        ready!(self.stream().poll_read(cx, &mut part))?;
        // Safe code can't tell the buffer that its part was filled, but it can copy: these are a stranger's few bytes.
        let bytes = part.filled().to_vec();
        buffer.put_slice(&bytes);
        if left.is_some() {
            self.client.spent(bytes.len());
        }
        if !bytes.is_empty() && !self.spoke {
            self.spoke = true;
            self.client.set_stage(Stage::Spoke);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
