//! Operators and probes, who must be served while the server is attacked.

use std::{
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use homepot::pb::registry::v1::WhoAmIRequest;
use tokio::sync::oneshot;

use crate::{
    Server,
    grpc::{Caller, Clients},
    rest::Request,
};

const EVERY: Duration = Duration::from_millis(500);
/// An answer that takes longer than this is none, as it is for Kubernetes' probes and for people.
const PATIENCE: Duration = Duration::from_secs(5);

/// How those who are let in were served.
#[derive(Clone, Copy, Debug, Default)]
pub struct Probed {
    /// How many times each was asked.
    pub rounds: usize,
    /// `/readyz` did not answer 200.
    pub not_ready: usize,
    /// REST did not answer an operator.
    pub rest_failures: usize,
    /// gRPC did not answer an operator.
    pub grpc_failures: usize,
    /// The slowest answer to an operator.
    pub slowest: Duration,
}

/// Asks until it is stopped, on a thread of its own: who probes a server does not share a run queue with eleven thousand
/// attackers, and what is measured is the server.
pub(super) struct Probes {
    stop: oneshot::Sender<()>,
    asking: JoinHandle<Probed>,
}

impl Probes {
    pub(super) fn start(server: &Server) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let (ops_addr, rest_addr) = (server.ops_addr.clone(), server.rest_addr.clone());
        let (grpc_addr, token) = (server.grpc_addr.clone(), server.admin_token.clone());
        let probe = async move {
            let clients = Clients::new(&grpc_addr, &Caller::Operator(token.clone()));
            let asker = Asker { ops_addr, rest_addr, token, clients };
            let mut probed = Probed::default();
            let mut tick = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    biased;
                    _ = &mut stopped => return probed,
                    _ = tick.tick() => asker.round(&mut probed).await,
                }
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let asking = thread::spawn(move || runtime.block_on(probe));
        Self { stop, asking }
    }

    pub(super) async fn stop(self) -> Probed {
        // One that ended by a panic says so below.
        let _ = self.stop.send(());
        let joined = tokio::task::spawn_blocking(|| self.asking.join()).await.expect("waiting for the probes");
        joined.expect("the probes end")
    }
}

struct Asker {
    ops_addr: String,
    rest_addr: String,
    token: String,
    clients: Clients,
}

impl Asker {
    async fn round(&self, probed: &mut Probed) {
        probed.rounds += 1;
        if !answers(Request::get("/readyz"), &self.ops_addr).await {
            probed.not_ready += 1;
        }
        let began = Instant::now();
        if !answers(Request::get("/api/v1/sites/").bearer(&self.token), &self.rest_addr).await {
            probed.rest_failures += 1;
        }
        probed.slowest = probed.slowest.max(began.elapsed());
        let began = Instant::now();
        let mut registry = self.clients.registry.clone();
        let call = tokio::time::timeout(PATIENCE, registry.who_am_i(WhoAmIRequest {}));
        if !call.await.is_ok_and(|answer| answer.is_ok()) {
            probed.grpc_failures += 1;
        }
        probed.slowest = probed.slowest.max(began.elapsed());
    }
}

async fn answers(request: Request, address: &str) -> bool {
    let answer = tokio::time::timeout(PATIENCE, request.try_send(address)).await;
    answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status == 200))
}
