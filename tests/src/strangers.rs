//! Whoever comes without credentials, and what no proper client does.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use bytes::{BufMut, BytesMut};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::net::{TcpSocket, TcpStream};
use tokio_stream::StreamExt;
use tonic::{
    Status,
    body::Body,
    codegen::Service,
    transport::{Channel, Endpoint},
};

use crate::PATIENCE;

/// A gRPC call whose bytes and headers are the caller's to choose.
#[derive(Clone, Debug)]
pub struct RawCall {
    path: &'static str,
    headers: Vec<(&'static str, String)>,
    message: BytesMut,
    ends: bool,
}

impl RawCall {
    /// A call of the method at `path`.
    pub fn new(path: &'static str) -> Self {
        Self { path, headers: Vec::new(), message: BytesMut::new(), ends: true }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends a message of which `bytes` come, and which announces that it has `announced` bytes.
    #[must_use]
    pub fn message(mut self, announced: u32, bytes: &[u8]) -> Self {
        self.message.put_u8(0);
        self.message.put_u32(announced);
        self.message.put_slice(bytes);
        self
    }

    /// Leaves the request open after what was sent.
    #[must_use]
    pub fn left_open(mut self) -> Self {
        self.ends = false;
        self
    }

    /// Begins the call on `channel`; answers its status, where it has ended with the head of its answer already, or the
    /// body of the answer.
    pub async fn begin(&self, channel: &mut Channel) -> Result<Body, Status> {
        let mut request =
            http::Request::post(self.path).header("content-type", "application/grpc").header("te", "trailers");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let sent = tokio_stream::once(Ok::<_, Infallible>(Frame::data(self.message.clone().freeze())));
        let body = match self.ends {
            true => Body::new(StreamBody::new(sent)),
            false => Body::new(StreamBody::new(sent.chain(tokio_stream::pending()))),
        };
        let request = request.uri(format!("http://localhost{}", self.path)).body(body).expect("a good request");
        let call = async {
            std::future::poll_fn(|cx| channel.poll_ready(cx)).await?;
            channel.call(request).await
        };
        let answer = tokio::time::timeout(PATIENCE, call).await.expect("the server keeps silent");
        let answer = answer.map_err(|error| Status::unavailable(error.to_string()))?;
        match Status::from_header_map(answer.headers()) {
            Some(status) => Err(status),
            None => Ok(answer.into_body()),
        }
    }

    /// Makes the call and answers how it ended.
    pub async fn status(&self, channel: &mut Channel) -> Status {
        match self.begin(channel).await {
            Ok(body) => ended(body).await,
            Err(status) => status,
        }
    }
}

/// Reads an answer to its end; how the call ended.
pub async fn ended(mut body: Body) -> Status {
    let read = async {
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => {
                    if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
                        return status;
                    }
                }
                Err(status) => return status,
            }
        }
        Status::unknown("the answer ended without a status")
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the call never ends")
}

/// A channel from `from` to `address`, connected when first used.
pub fn channel(from: IpAddr, address: &str) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
    endpoint.local_address(Some(from)).connect_lazy()
}

/// A connection from `from` on which nothing is said.
pub async fn silent(from: IpAddr, address: &str) -> std::io::Result<TcpStream> {
    let address: SocketAddr = address.parse().map_err(std::io::Error::other)?;
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(address).await
}
