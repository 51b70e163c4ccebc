//! The fleet that attaches while the server is attacked.

use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use homepot::pb::device::v1::{
    AttachRequest, AttachResponse, EnrollRequest, attach_request::Message as Up, attach_response::Message as Down,
    device_service_client::DeviceServiceClient,
};
use homepot::pb::registry::v1 as registry;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::verdict::Attaching;
use crate::{
    Server,
    grpc::{Caller, DeviceKey, connection},
    hello,
};

/// The site of the fleet and of the device that attacks.
pub(super) const SITE: &str = "siege";
/// A device that was not let in comes again after this time; so does an agent, a little more slowly each time.
const AGAIN: Duration = Duration::from_millis(500);
/// How many enrol at once: each costs the server one run of Argon2.
const TOGETHER: usize = 8;

/// Devices with their keys, and with streams once they are attached.
pub(super) struct Fleet {
    keys: Vec<DeviceKey>,
    streams: Vec<Stream>,
}

/// A stream that stays open for as long as this lives.
struct Stream {
    _up: mpsc::Sender<AttachRequest>,
    _down: Streaming<AttachResponse>,
}

impl Fleet {
    /// Enrols `devices` at a site that it makes.
    pub(super) async fn enrol(server: &Server, devices: usize) -> Self {
        server.create_site(SITE, false).await;
        let request = registry::CreateEnrollmentTokenRequest {
            site_id: SITE.to_owned(),
            max_uses: u32::try_from(devices.max(1)).unwrap_or(u32::MAX),
            ..Default::default()
        };
        let token = server.admin().registry.create_enrollment_token(request).await.expect("the admin may").into_inner();
        let clients = server.clients(&Caller::Enrollee(token.secret));
        let mut keys = Vec::with_capacity(devices);
        let mut enrolling = JoinSet::new();
        for number in 0..devices {
            let mut client = clients.device.clone();
            enrolling.spawn(async move {
                let request = EnrollRequest {
                    site_id: SITE.to_owned(),
                    device_id: format!("siege-{number}"),
                    name: format!("Device {number}"),
                    ..Default::default()
                };
                let answer = client.enroll(request).await.expect("a good token enrols").into_inner();
                DeviceKey { device_id: answer.device_id, api_key: answer.api_key }
            });
            if enrolling.len() >= TOGETHER {
                keys.extend(enrolling.join_next().await.map(|key| key.expect("enrolment ends")));
            }
        }
        while let Some(key) = enrolling.join_next().await {
            keys.push(key.expect("enrolment ends"));
        }
        Self { keys, streams: Vec::new() }
    }

    /// Hangs up, then attaches every device, each at a random moment of `window`, on a connection of its own. A device
    /// that is refused comes again; one that is not in after `limit` is missing from the answer.
    pub(super) async fn attach(&mut self, server: &Server, window: Duration, limit: Duration) -> Attaching {
        self.streams.clear();
        let mut attempts = JoinSet::new();
        for (number, key) in self.keys.iter().cloned().enumerate() {
            let address = server.grpc_addr.clone();
            let pause = window.mul_f64(fastrand::f64());
            attempts.spawn(async move {
                tokio::time::sleep(pause).await;
                let began = Instant::now();
                let attached = tokio::time::timeout(limit, until_attached(number, &address, &key)).await;
                attached.ok().map(|stream| (stream, began.elapsed()))
            });
        }
        let mut times = Vec::with_capacity(self.keys.len());
        while let Some(attempt) = attempts.join_next().await {
            if let Ok(Some((stream, took))) = attempt {
                self.streams.push(stream);
                times.push(took);
            }
        }
        Attaching::new(self.keys.len(), times)
    }
}

async fn until_attached(number: usize, address: &str, key: &DeviceKey) -> Stream {
    loop {
        if let Ok(stream) = attach(number, address, key).await {
            return stream;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn attach(number: usize, address: &str, key: &DeviceKey) -> Result<Stream, Status> {
    // Shops of fifty devices, each behind an address of its own.
    let [_, _, high, low] = u32::try_from(number / 50 + 1).unwrap_or(1).to_be_bytes();
    let from = Ipv4Addr::new(127, 64, high, low);
    let mut client = DeviceServiceClient::new(connection(from.into(), address, &Caller::Device(key.clone())));
    let (up, messages) = mpsc::channel(4);
    // A full channel is no reason: it has room for four.
    let _ = up.send(AttachRequest { message: Some(Up::Hello(hello())) }).await;
    let mut down = client.attach(ReceiverStream::new(messages)).await?.into_inner();
    match down.message().await?.and_then(|answer| answer.message) {
        Some(Down::Welcome(_)) => Ok(Stream { _up: up, _down: down }),
        other => Err(Status::unavailable(format!("no Welcome but {other:?}"))),
    }
}
