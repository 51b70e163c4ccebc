//! The siege: a server under attack, with a fleet that attaches beside the attackers.
//!
//! Each attack of [`attacks::ALL`] gets a server of its own. First the fleet attaches in peace, which is the ceiling of
//! the same run; then the attack begins, and once it is at full strength the fleet attaches again, while operators call
//! and probes ask for readiness. [`Verdict`] holds what was measured and which promises were broken. `make siege` runs
//! every attack at ten times the size of `docs/security.md`; `tests/e2e/siege.rs` runs each in a small form.

pub mod attacks;
mod fleet;
mod probes;
mod verdict;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

pub use self::verdict::{Attaching, Verdict};
use self::{attacks::Attack, fleet::Fleet, probes::Probes};
use crate::{Certificate, Server, ServerOptions, System, TlsWay};

/// How long an attack may take to reach its full strength, and how long the fleet may take to attach.
const LIMIT: Duration = Duration::from_secs(120);

/// How large a siege is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many devices attach.
    pub devices: usize,
    /// The devices attach at random moments within this time.
    pub window: Duration,
    /// How many times larger the attack is than the one that `docs/security.md` describes, in percent: 1000 is ten times.
    pub percent: u32,
}

/// What an attack knows of the server, and of its own size.
#[derive(Clone, Debug)]
pub struct Target {
    /// `host:port` of the gRPC services.
    pub grpc_addr: String,
    /// `host:port` of REST.
    pub rest_addr: String,
    /// `host:port` of health and metrics.
    pub ops_addr: String,
    /// The token of an operator with the role viewer, for attacks from behind the door.
    pub viewer_token: String,
    /// The key of a device that attacks from behind the door; it is none of the fleet.
    pub device: crate::grpc::DeviceKey,
    /// What the server shows, where it speaks TLS.
    pub certificate: Option<Arc<Certificate>>,
    percent: u32,
    at_strength: watch::Sender<bool>,
}

impl Target {
    /// The size of an attack whose described size is `described`; at least one.
    pub fn size(&self, described: u32) -> usize {
        usize::try_from((u64::from(described) * u64::from(self.percent) / 100).max(1)).unwrap_or(usize::MAX)
    }

    /// Says that the attack has reached its full strength.
    pub fn at_strength(&self) {
        self.at_strength.send_replace(true);
    }
}

/// Runs one attack. `progress` gets a line from time to time.
pub async fn run(attack: &Attack, plan: &Plan, progress: impl Fn(String)) -> Verdict {
    let mut options = ServerOptions::default();
    for (name, value) in attack.settings {
        options = options.env(name, *value);
    }
    let certificate = attack.tls.then(|| Arc::new(Certificate::new()));
    for (name, value) in certificate.iter().flat_map(|certificate| certificate.settings()) {
        options = options.env(name, value);
    }
    let mut server = Server::start_with(options).await;
    let (grpc_addr, rest_addr) = (server.grpc_addr.clone(), server.rest_addr.clone());
    // The fleet, operators and probes go by here.
    let mut ways = Vec::new();
    if let Some(certificate) = &certificate {
        let System { grpc_addr, rest_addr, .. } = &mut *server;
        for (address, protocol) in [(grpc_addr, "h2"), (rest_addr, "http/1.1")] {
            let way = TlsWay::to(address, certificate, protocol).await;
            address.clone_from(&way.address);
            ways.push(way);
        }
    }
    progress(format!("{}: enrolling {} devices", attack.name, plan.devices));
    let mut fleet = Fleet::enrol(&server, plan.devices).await;
    let (at_strength, mut reached) = watch::channel(false);
    let target = Target {
        grpc_addr,
        rest_addr,
        ops_addr: server.ops_addr.clone(),
        viewer_token: server.create_operator("siege-viewer", homepot::pb::registry::v1::Role::Viewer, &[]).await,
        device: server.enroll(fleet::SITE, "siege-attacker").await,
        certificate,
        percent: plan.percent,
        at_strength,
    };

    progress(format!("{}: the fleet attaches in peace", attack.name));
    // Twice: the first time each key is checked by Argon2, the second time it is known, as it is during the attack.
    fleet.attach(&server, plan.window, LIMIT).await;
    let peace = fleet.attach(&server, plan.window, LIMIT).await;

    progress(format!("{}: the attack begins", attack.name));
    let attackers = tokio::spawn((attack.run)(target));
    let strong = tokio::time::timeout(LIMIT, reached.wait_for(|strong| *strong)).await.is_ok_and(|known| known.is_ok());
    let probes = Probes::start(&server);
    let attacked = fleet.attach(&server, plan.window, LIMIT).await;
    // What the attack did to those who came from outside counts until its end.
    let probes = probes.stop().await;
    let ended_early = attackers.is_finished();
    attackers.abort();
    let memory_mib = verdict::peak_memory_mib(server.process().id());
    Verdict { attack: attack.name, strong: strong && !ended_early, peace, attacked, probes, memory_mib }
}
