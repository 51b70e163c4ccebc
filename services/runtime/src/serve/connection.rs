//! A connection, plain or TLS, that must say something soon.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// An HTTP/2 preface has 24 bytes; an HTTP/1.1 request has more.
const GREETING_BYTES: usize = 24;
/// HTTP servers notice a silent peer only after these bytes.
pub(super) const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// An accepted connection. Reading fails when its first bytes don't come in time.
pub struct Connection {
    stream: Stream,
    info: TcpConnectInfo,
    greeting: Option<Greeting>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

struct Greeting {
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

impl Connection {
    pub(super) fn plain(stream: TcpStream, peer: SocketAddr) -> Self {
        Self::new(stream.local_addr().ok(), peer, Stream::Plain(stream))
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>, peer: SocketAddr) -> Self {
        Self::new(stream.get_ref().0.local_addr().ok(), peer, Stream::Tls(Box::new(stream)))
    }

    fn new(local: Option<SocketAddr>, peer: SocketAddr, stream: Stream) -> Self {
        let deadline = Box::pin(tokio::time::sleep(GREETING_TIMEOUT));
        Self {
            stream,
            info: TcpConnectInfo { local_addr: local, remote_addr: Some(peer) },
            greeting: Some(Greeting { missing: GREETING_BYTES, deadline }),
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

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.info.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = self.stream().poll_read(cx, buffer);
        let Some(greeting) = &mut self.greeting else { return polled };
        greeting.missing = greeting.missing.saturating_sub(buffer.filled().len() - before);
        if greeting.missing == 0 {
            self.greeting = None;
            return polled;
        }
        if polled.is_pending() && greeting.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer did not begin in time")));
        }
        polled
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
