//! Any system that has the usual settings: a server of the test's own, or one that is there already, such as the cluster that
//! `make cluster-test` plays.

use std::{
    fs::OpenOptions,
    io::Write as _,
    net::{IpAddr, Ipv4Addr},
    ops::Deref,
    path::Path,
    sync::LazyLock,
};

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};
use tonic::Code;

use crate::{
    Server, ServerOptions, System, TlsWay, elsewhere, eventually,
    grpc::{Caller, call, connection},
    rest::Request,
};

/// What the file says that HOMEPOT_E2E_SYSTEM names: a system that is there already.
static SHARED: LazyLock<Option<Value>> = LazyLock::new(|| {
    let text =
        std::fs::read_to_string(std::env::var_os("HOMEPOT_E2E_SYSTEM")?).expect("HOMEPOT_E2E_SYSTEM names a file");
    Some(serde_json::from_str(&text).expect("it holds JSON"))
});
/// One test at a time has it to itself, so that each may name its sites and devices as it likes.
static TURN: Mutex<()> = Mutex::const_new(());
/// Whoever runs the tests against a shared system tells by these words which of them can't run there.
const OWN: &str = "this test needs a system of its own";
/// A method that no service has, of each. Balancers have found a service when it says so itself.
const METHODS: [&str; 9] = [
    "/homepot.analytics.v1.AnalyticsService/None",
    "/homepot.command.v1.CommandService/None",
    "/homepot.device.v1.DeviceService/None",
    "/homepot.registry.v1.RegistryService/None",
    "/homepot.rollout.v1.ReleaseService/None",
    "/homepot.rollout.v1.RolloutService/None",
    "/homepot.rollout.v1.ValueService/None",
    "/homepot.session.v1.SessionService/None",
    "/homepot.telemetry.v1.TelemetryService/None",
];

/// A running system that nobody else uses; it knows nothing but its first admin. A test that asks for this one touches the
/// public face alone, and Postgres. One that stops a server or reads its log asks for a [`Server`].
#[derive(Debug)]
pub struct AnySystem(Kind);

#[derive(Debug)]
enum Kind {
    Own(Server),
    Shared(Shared),
}

#[derive(Debug)]
struct Shared {
    system: System,
    _ways: [TlsWay; 3],
    _turn: MutexGuard<'static, ()>,
}

impl AnySystem {
    /// Gets one, and waits until it is ready.
    pub async fn start() -> Self {
        Self::start_with(ServerOptions::default()).await
    }

    /// Gets one with these settings.
    pub async fn start_with(options: ServerOptions) -> Self {
        Self(match SHARED.as_ref() {
            None => Kind::Own(Server::start_with(options).await),
            Some(said) => Kind::Shared(Shared::renewed(said, &options).await),
        })
    }
}

impl Deref for AnySystem {
    type Target = System;

    fn deref(&self) -> &System {
        match &self.0 {
            Kind::Own(server) => server,
            Kind::Shared(shared) => &shared.system,
        }
    }
}

impl Shared {
    async fn renewed(said: &'static Value, options: &ServerOptions) -> Self {
        let has = |(name, value): &(&str, String)| said["settings"][name] == value.as_str();
        assert!(options.env.iter().all(has) && options.program.is_none() && options.descriptors.is_none(), "{OWN}");
        let turn = TURN.lock().await;
        note(Path::new(text(said, "asked")));
        let renewed = Request::post("/").from(Ipv4Addr::UNSPECIFIED.into()).send(text(said, "renew")).await;
        assert_eq!((renewed.status, renewed.text().as_str()), (200, ""));

        // Failures are counted by address, so each test calls from one of its own.
        let [.., high, low] = octets(elsewhere());
        let network: Ipv4Addr = text(said, "network").parse().expect("network is an address");
        let from = move |client: IpAddr| {
            let [.., third, fourth] = if client == Ipv4Addr::LOCALHOST { [0, 0, high, low] } else { octets(client) };
            let [first, second, ..] = network.octets();
            IpAddr::from([first, second, third, fourth])
        };
        let authorities = Path::new(text(said, "authorities"));
        let way = async |face, protocol| TlsWay::out(text(said, face), authorities, protocol, from).await;
        let ways = [way("grpc", "h2").await, way("devices", "h2").await, way("rest", "http/1.1").await];
        let [grpc_addr, device_addr, rest_addr] = [0, 1, 2].map(|index: usize| ways[index].address.clone());
        let token = std::fs::read_to_string(text(said, "admin_token_file")).expect("the admin's token can be read");
        let (admin_token, cluster) = (token.trim().to_owned(), text(said, "postgres").into());
        let system = System { grpc_addr, rest_addr, admin_token, device_addr: Some(device_addr), cluster };
        balanced(&system).await;
        Self { system, _ways: ways, _turn: turn }
    }
}

/// Waits until balancers have found every role.
async fn balanced(system: &System) {
    let caller = Caller::Operator(system.admin_token.clone());
    let mut faces: Vec<_> = METHODS.iter().map(|path| (system.grpc_addr.as_str(), *path)).collect();
    faces.push((system.device_addr(), METHODS[2]));
    for (address, path) in faces {
        eventually(path, async || {
            let answer = call(connection(Ipv4Addr::LOCALHOST.into(), address, &caller), path, Vec::new()).await;
            answer.is_err_and(|status| status.code() == Code::Unimplemented).then_some(())
        })
        .await;
    }
    eventually("REST", async || {
        let answer = system.rest(Request::get("/api/v2/whoami").bearer(&system.admin_token)).await;
        (answer.status == 200).then_some(())
    })
    .await;
}

/// Panics where tests are to share a system: who calls this starts one.
pub(crate) fn needs_its_own() {
    assert!(SHARED.is_none(), "{OWN}");
}

/// The same for programs, unless they are for the shared system, which this test has already asked for.
pub(crate) fn needs_a_system() {
    assert!(SHARED.is_none() || TURN.try_lock().is_err(), "{OWN}");
}

/// Adds the name of this test to the list of those that ran with the shared system.
fn note(file: &Path) {
    let list = OpenOptions::new().create(true).append(true).open(file);
    let thread = std::thread::current();
    writeln!(list.expect("the list can be written"), "{}", thread.name().unwrap_or_default())
        .expect("the disk has room");
}

fn text<'a>(said: &'a Value, name: &str) -> &'a str {
    said[name].as_str().unwrap_or_else(|| panic!("HOMEPOT_E2E_SYSTEM: no {name}"))
}

fn octets(address: IpAddr) -> [u8; 4] {
    match address {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => unreachable!("tests call from 127.0.0.0/8"),
    }
}
