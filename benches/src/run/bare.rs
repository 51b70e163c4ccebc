//! The ceiling of `idle`, `failover`, `restart`, `rollout` and `simulation`: a server of nothing but one stream, built of the same parts,
//! which keeps nothing of what it reads.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{self, Poll},
};

use anyhow::Context as _;
use homepot::{
    model::{Secret, SecretKind},
    pb::device::v1::{
        AttachRequest, AttachResponse, EnrollRequest, EnrollResponse, FetchArtifactRequest, FetchArtifactResponse,
        Samples, SamplesAck, attach_request::Message as Up, attach_response::Message as Down,
    },
};
use tokio::process::Child;
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codec::{BufferSettings, Codec},
    server::{Grpc, NamedService, StreamingService, UnaryService},
    transport::Server,
};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};
use tower::Service;

use super::idle::{first_line, own};
use crate::host::Workshop;

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
    /// Where to listen; port 0 picks a free one.
    #[arg(long)]
    address: String,
}

/// A running one, seen from the benchmark; dropping it ends it.
#[derive(Debug)]
pub(super) struct BareServer {
    child: Child,
    /// `host:port` it listens at.
    pub(super) address: String,
}

impl BareServer {
    /// Starts one.
    pub(super) async fn start(workshop: &Workshop, buffers: &str, address: &str) -> anyhow::Result<Self> {
        let mut child = own(workshop, &["bare-server", "--buffers", buffers, "--address", address])?;
        let address = first_line(&mut child).await?;
        Ok(Self { child, address })
    }

    /// Its process.
    pub(super) fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the bare server has ended")
    }

    /// Kills it with -9 and waits until it is gone.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Serves until it is killed; prints its address first.
pub async fn serve(args: ServerArgs) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(&args.address).await?;
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

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let buffers = self.0;
        let fetches = request.uri().path().ends_with("/FetchArtifact");
        let enrols = request.uri().path().ends_with("/Enroll");
        Box::pin(async move {
            Ok(match buffers {
                _ if fetches => Grpc::new(ProstCodec::default()).unary(Giving, request).await,
                _ if enrols => Grpc::new(ProstCodec::default()).unary(Welcoming, request).await,
                Buffers::Default => Grpc::new(ProstCodec::default()).streaming(Stay, request).await,
                Buffers::Small => Grpc::new(SmallCodec).streaming(Stay, request).await,
            })
        })
    }
}

/// Answers Hello and acknowledges samples, and reads on.
struct Stay;

impl StreamingService<AttachRequest> for Stay {
    type Response = AttachResponse;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<AttachResponse, Status>> + Send>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<AttachRequest>>) -> Self::Future {
        let answers = request.into_inner().filter_map(|message| answer(message.ok()?.message?).map(Ok));
        std::future::ready(Ok(Response::new(Box::pin(answers))))
    }
}

fn answer(message: Up) -> Option<AttachResponse> {
    match message {
        Up::Hello(_) => Some(super::idle::welcome()),
        Up::Samples(Samples { first_seq, samples, .. }) => {
            let ack = SamplesAck { seq: first_seq + samples.len() as u64 - 1, refused: Vec::new(), first_seq };
            Some(AttachResponse { message: Some(Down::SamplesAck(ack)) })
        }
        _ => None,
    }
}

/// Lets everybody in, with a key that opens nothing.
struct Welcoming;

impl UnaryService<EnrollRequest> for Welcoming {
    type Response = EnrollResponse;
    type Future = std::future::Ready<Result<Response<EnrollResponse>, Status>>;

    fn call(&mut self, request: Request<EnrollRequest>) -> Self::Future {
        let EnrollRequest { device_id, site_id, .. } = request.into_inner();
        let api_key = Secret::from_random(SecretKind::DeviceKey, [7; 32]).reveal().to_owned();
        std::future::ready(Ok(Response::new(EnrollResponse { device_id, site_id, api_key, enrolled_at: None })))
    }
}

/// Gives as many bytes as are asked for, from memory.
struct Giving;

static BYTES: [u8; 256 * 1024] = [7; 256 * 1024];

impl UnaryService<FetchArtifactRequest> for Giving {
    type Response = FetchArtifactResponse;
    type Future = std::future::Ready<Result<Response<FetchArtifactResponse>, Status>>;

    fn call(&mut self, request: Request<FetchArtifactRequest>) -> Self::Future {
        let length = (request.into_inner().length as usize).min(BYTES.len());
        let data = bytes::Bytes::from_static(&BYTES[..length]);
        std::future::ready(Ok(Response::new(FetchArtifactResponse { data, next_after_ms: 0 })))
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
