//! The deadline that a client sets.

use homepot::pb::registry::v1 as pb;
use homepot_tests::{
    Server, elsewhere,
    strangers::{RawCall, channel},
};
use prost::Message as _;
use tonic::Code;

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_past_its_clients_deadline_ends_with_deadline_exceeded() {
    let server = Server::start().await;
    let watch = pb::WatchRequest::default().encode_to_vec();
    let call = RawCall::new("/homepot.registry.v1.RegistryService/Watch")
        .header("authorization", format!("Bearer {}", server.admin_token))
        .header("grpc-timeout", "500m")
        .message(watch.len() as u32, &watch);
    let status = call.status(&mut channel(elsewhere(), &server.grpc_addr)).await;
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
}
