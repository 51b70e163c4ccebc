//! Operators' way to the replicas: asked in turn until one answers.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use homepot::pb::registry::v1::{DeviceStatus, ListDevicesRequest};
use parking_lot::Mutex;
use tokio::time::{sleep, timeout};
use tonic::{Code, Response, Status};

use crate::grpc::Clients;

/// Longer than a Cancel may wait.
const PATIENCE: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(100);

/// Clients of both replicas. Clones share everything.
#[derive(Clone)]
pub(super) struct Replicas {
    clients: [Clients; 2],
    /// Answers that blame the server itself, with how often each came.
    faults: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Replicas {
    /// Of these two.
    pub(super) fn new(clients: [Clients; 2]) -> Self {
        Self { clients, faults: Arc::default() }
    }

    /// Calls one replica after the other, beginning with number `first`, until one answers. An error is an answer when it
    /// says something about the request; that nobody can tell what came of it is none.
    pub(super) async fn until_answered<Q: Clone, T, F>(
        &self,
        first: usize,
        request: &Q,
        call: impl Fn(Clients, Q) -> F,
    ) -> Result<T, Status>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        for number in first.. {
            match timeout(PATIENCE, call(self.clients[number % 2].clone(), request.clone())).await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) if is_answer(status.code()) => return Err(status),
                Ok(Err(status)) => self.note(&status),
                Err(_) => self.note(&Status::deadline_exceeded("no answer within 8 s")),
            }
            sleep(PAUSE).await;
        }
        unreachable!("there is always a next attempt")
    }

    /// The devices that are told to be online.
    pub(super) async fn online(&self) -> Vec<String> {
        let request =
            ListDevicesRequest { status: DeviceStatus::Online.into(), page_size: 1_000, ..Default::default() };
        let list =
            self.until_answered(0, &request, |mut clients, it| async move { clients.registry.list_devices(it).await });
        let devices = list.await.expect("the admin may list devices").devices;
        devices.into_iter().map(|device| device.device_id).collect()
    }

    /// What replicas said other than that they are away.
    pub(super) fn faults(&self) -> BTreeMap<String, usize> {
        self.faults.lock().clone()
    }

    fn note(&self, status: &Status) {
        // A connection that was cut is told as one of these.
        if !matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled) {
            let told = format!("{:?}: {}", status.code(), status.message());
            *self.faults.lock().entry(told).or_default() += 1;
        }
    }
}

fn is_answer(code: Code) -> bool {
    use Code::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated};
    matches!(code, InvalidArgument | NotFound | AlreadyExists | PermissionDenied | FailedPrecondition | Unauthenticated)
}
