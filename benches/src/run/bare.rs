//! The ceiling of `idle`: a server of nothing but one stream, built of the same parts, which says nothing.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use homepot::pb::device::v1::{AttachRequest, AttachResponse};
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codec::{BufferSettings, Codec},
    server::{Grpc, NamedService, StreamingService},
    transport::Server,
};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};
use tower::Service;

/// What buffers a stream has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Buffers {
    /// As tonic has them unless told otherwise.
    Default,
    /// 512 bytes, which is enough for what devices say.
    Small,
}

/// How to serve.
#[derive(Clone, Debug, clap::Args)]
pub struct ServerArgs {
    /// What buffers a stream has.
    #[arg(long, value_enum)]
    buffers: Buffers,
}

/// Serves until it is killed; prints its address first.
pub async fn serve(args: ServerArgs) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let incoming = TcpListenerStream::new(listener);
    Ok(Server::builder().add_service(Bare(args.buffers)).serve_with_incoming(incoming).await?)
}

/// The one service, under the name of the real one, so that the same devices attach.
#[derive(Clone, Copy)]
struct Bare(Buffers);

impl NamedService for Bare {
    const NAME: &'static str = "homepot.device.v1.DeviceService";
}

impl Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let buffers = self.0;
        Box::pin(async move {
            Ok(match buffers {
                Buffers::Default => Grpc::new(ProstCodec::default()).streaming(Stay, request).await,
                Buffers::Small => Grpc::new(SmallCodec).streaming(Stay, request).await,
            })
        })
    }
}

/// Answers the first message, then reads on.
struct Stay;

impl StreamingService<AttachRequest> for Stay {
    type Response = AttachResponse;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<AttachResponse, Status>> + Send>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<AttachRequest>>) -> Self::Future {
        let welcome = super::idle::welcome();
        let mut first = true;
        let answers = request.into_inner().filter_map(move |_| std::mem::take(&mut first).then(|| Ok(welcome.clone())));
        std::future::ready(Ok(Response::new(Box::pin(answers))))
    }
}

/// The usual codec with small buffers.
#[derive(Clone, Copy, Default)]
struct SmallCodec;

const SMALL: (usize, usize) = (512, 4_096);

impl Codec for SmallCodec {
    type Encode = AttachResponse;
    type Decode = AttachRequest;
    type Encoder = ProstEncoder<AttachResponse>;
    type Decoder = ProstDecoder<AttachRequest>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<AttachResponse, AttachRequest>::raw_encoder(BufferSettings::new(SMALL.0, SMALL.1))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<AttachResponse, AttachRequest>::raw_decoder(BufferSettings::new(SMALL.0, SMALL.1))
    }
}
