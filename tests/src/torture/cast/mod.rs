//! The cast: every process of a small HOMEPOT, each of which can be killed and comes back.

mod actor;
mod forwarder;
mod postgres;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use homepot::pb::registry::v1 as pb;

use self::{actor::Actor, forwarder::Forwarder, postgres::Postgres};
use super::{
    Plan, Transport,
    replicas::Replicas,
    schedule::{Blow, Kills},
    updates::{
        TARGETS,
        looks::{HEALTH, RELOAD},
        rollouts::introduce,
    },
};
use crate::{
    FakeClock, Publisher, eventually,
    grpc::{Caller, Clients},
    program,
    redis::{self, own_address},
    server::clean,
};

/// The site of all devices.
pub(super) const SITE: &str = "site-001";

/// Everyone who can be killed. Agents reach the replicas through the forwarder.
pub(super) struct Cast {
    postgres: Postgres,
    redis: Option<Actor>,
    replicas: [Actor; 2],
    /// Of the replicas. The database's clock and the agents' stay right, so that all times in the verdict can be compared.
    clocks: [FakeClock; 2],
    agents: Vec<Actor>,
    forwarder: Forwarder,
    stage: Stage,
    /// Operators' way to both replicas.
    pub(super) operators: Replicas,
    /// Whose releases the agents take, until somebody rolls them out.
    publisher: Option<Publisher>,
    /// What was killed so far.
    pub(super) kills: Kills,
}

/// What a device leaves behind.
pub(super) struct Trace {
    pub(super) device: String,
    pub(super) state_dir: PathBuf,
    /// The log of what its commands did.
    pub(super) deeds: PathBuf,
    /// The log of what its programs saw at its targets.
    pub(super) looks: PathBuf,
    pub(super) targets: [PathBuf; 2],
}

/// Where everything lies.
#[derive(Clone)]
struct Stage {
    directory: PathBuf,
}

impl Stage {
    fn log(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.log"))
    }

    fn state_dir(&self, device: &str) -> PathBuf {
        self.directory.join(device)
    }

    /// What the programs of a device's commands did.
    fn deeds(&self, device: &str) -> PathBuf {
        self.directory.join(format!("{device}.deeds"))
    }

    fn looks(&self, device: &str) -> PathBuf {
        self.directory.join(format!("{device}.looks"))
    }

    fn targets(&self, device: &str) -> [PathBuf; 2] {
        TARGETS.map(|target| self.directory.join(format!("{device}.targets")).join(target))
    }

    /// The keys that agents trust from the first.
    fn root(&self) -> PathBuf {
        self.directory.join("root.signed")
    }
}

/// The id of the device with that number.
pub(super) fn device_id(number: usize) -> String {
    format!("device-{number}")
}

impl Cast {
    /// Starts all of them in `directory`, and waits until every agent is enrolled and attached.
    pub(super) async fn start(directory: &Path, plan: &Plan) -> Self {
        let stage = Stage { directory: directory.to_owned() };
        let postgres = Postgres::start(directory.join("postgres"), stage.log("postgres"));
        let secret = "the-secret-of-all-replicas-0123456789".to_owned();
        let mut settings = vec![("HOMEPOT_DATABASE_URL", postgres.url()), ("HOMEPOT_SECRET", secret)];
        let redis = (plan.transport == Transport::Redis).then(|| {
            let address = free_address();
            settings.push(("HOMEPOT_REDIS_URL", format!("redis://{address}")));
            Actor::start(stage.log("redis"), move || redis_server(address))
        });

        let clocks = [FakeClock::new(), FakeClock::new()];
        let replica = |number: usize, clock: &FakeClock| {
            let settings: Vec<_> = settings.iter().cloned().chain(clock.env()).collect();
            Replica::new(&stage, number, &settings)
        };
        let (first, second) = (replica(1, &clocks[0]), replica(2, &clocks[1]));
        let addresses = [first.grpc_addr.clone(), second.grpc_addr.clone()];
        let token_file = first.data_dir.join("admin-token");
        let start = |replica: Replica| Actor::start(replica.log.clone(), move || replica.command());
        let first = start(first);
        let token = eventually("the first admin's token", async || fs::read_to_string(&token_file).ok()).await;
        let replicas = [first, start(second)];

        let caller = Caller::Operator(token.trim().to_owned());
        let operators = Replicas::new(addresses.each_ref().map(|address| Clients::new(address, &caller)));
        let enrollment_token = open_site(&operators, plan.agents).await;
        let publisher = Publisher::default();
        fs::write(stage.root(), introduce(&operators, &publisher).await).expect("a file");
        let forwarder = Forwarder::start(addresses).await;
        let agents = (0..plan.agents).map(|number| {
            let device = device_id(number);
            let (stage, url) = (stage.clone(), format!("http://{}", forwarder.address()));
            let token = enrollment_token.clone();
            Actor::start(stage.log(&device), move || agent(&stage, &device, &url, &token))
        });
        let agents = agents.collect();
        let (publisher, kills) = (Some(publisher), Kills::default());
        let mut cast =
            Self { postgres, redis, replicas, clocks, agents, forwarder, stage, operators, publisher, kills };
        let absent = cast.wait_for_agents().await;
        assert_eq!(absent, Vec::<String>::new(), "every agent attaches before anything is killed");
        cast
    }

    /// Kills whom the blow names, to come back after `away`.
    pub(super) fn strike(&mut self, blow: Blow, away: Duration) {
        let struck = match blow {
            Blow::Replica(number) => self.replicas[number].strike(away),
            Blow::Postgres => self.postgres.actor.strike(away),
            Blow::Trouble(trouble) => self.postgres.trouble(trouble, away),
            Blow::Redis => self.redis.as_mut().is_some_and(|redis| redis.strike(away)),
            Blow::Agent(number) => self.agents[number].strike(away),
            Blow::Connection { pick, at_half } => self.forwarder.cut(pick, at_half),
            Blow::Clock { replica, ahead } => {
                self.clocks[replica].set(ahead);
                true
            }
        };
        if struck {
            self.kills.count(blow);
        }
    }

    /// Starts again whoever is due.
    pub(super) fn tend(&mut self) {
        self.postgres.tend();
        self.others().for_each(Actor::tend);
    }

    /// Ends the database's trouble and starts again whoever is down. Agents are killed once more: a new one does not wait to come back as one does that
    /// has failed often.
    pub(super) fn bring_up(&mut self) {
        self.agents.iter_mut().for_each(Actor::end);
        self.postgres.rise();
        self.others().for_each(Actor::rise);
    }

    /// Whether the database has a disk that can be filled.
    pub(super) fn has_disk(&self) -> bool {
        self.postgres.has_disk()
    }

    /// Waits until the server tells every device online; tells those that never were.
    pub(super) async fn wait_for_agents(&mut self) -> Vec<String> {
        let mut absent: Vec<String> = (0..self.agents.len()).map(device_id).collect();
        let start = std::time::Instant::now();
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        while !absent.is_empty() && start.elapsed() < crate::PATIENCE {
            pace.tick().await;
            self.tend();
            let online = self.operators.online().await;
            absent.retain(|device| !online.contains(device));
        }
        absent
    }

    /// Kills all agents for good. Then waits until no device is told online; tells those that stay so for `limit`.
    pub(super) async fn end_agents(&mut self, limit: Duration) -> Vec<String> {
        self.agents.iter_mut().for_each(Actor::end);
        let start = std::time::Instant::now();
        let mut pace = tokio::time::interval(Duration::from_millis(100));
        loop {
            pace.tick().await;
            self.tend();
            let online = self.operators.online().await;
            if online.is_empty() || start.elapsed() > limit {
                return online;
            }
        }
    }

    /// How often something ended without being killed, by name.
    pub(super) fn falls(&self) -> Vec<(String, usize)> {
        let replicas =
            self.replicas.iter().enumerate().map(|(number, actor)| (format!("replica-{}", number + 1), actor));
        let agents = self.agents.iter().enumerate().map(|(number, actor)| (device_id(number), actor));
        replicas.chain(agents).map(|(name, actor)| (name, actor.falls())).filter(|(_, falls)| *falls > 0).collect()
    }

    /// Whose releases the agents take.
    pub(super) fn publisher(&mut self) -> Publisher {
        self.publisher.take().expect("one rolls them out")
    }

    /// What each device leaves behind.
    pub(super) fn traces(&self) -> Vec<Trace> {
        let trace = |device: String| Trace {
            state_dir: self.stage.state_dir(&device),
            deeds: self.stage.deeds(&device),
            looks: self.stage.looks(&device),
            targets: self.stage.targets(&device),
            device,
        };
        (0..self.agents.len()).map(device_id).map(trace).collect()
    }

    /// Everyone but the database.
    fn others(&mut self) -> impl Iterator<Item = &mut Actor> {
        self.redis.iter_mut().chain(&mut self.replicas).chain(&mut self.agents)
    }
}

/// How one of the two is started.
struct Replica {
    data_dir: PathBuf,
    grpc_addr: String,
    log: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl Replica {
    fn new(stage: &Stage, number: usize, settings: &[(&'static str, String)]) -> Self {
        let name = format!("replica-{number}");
        // The same after each death, so that the others find it again.
        let grpc_addr = free_address().to_string();
        Self { data_dir: stage.directory.join(&name), grpc_addr, log: stage.log(&name), settings: settings.to_vec() }
    }

    fn command(&self) -> Command {
        let mut command = clean(Command::new(program("homepot")));
        command.arg("serve").env("HOMEPOT_DATA_DIR", &self.data_dir).env("HOMEPOT_GRPC_ADDR", &self.grpc_addr);
        command.env("HOMEPOT_ROLES", "registry,telemetry,command,link").env("HOMEPOT_OPS_ADDR", "127.0.0.1:0");
        command.env("HOMEPOT_HEARTBEAT_INTERVAL", "1s").env("HOMEPOT_SAMPLE_INTERVAL", "2s");
        command.env("HOMEPOT_LOG", "info").envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn redis_server(address: SocketAddr) -> Command {
    let (ip, port) = (address.ip().to_string(), address.port().to_string());
    let mut command = Command::new(redis::program());
    command.args(["--bind", &ip, "--port", &port, "--save", "", "--appendonly", "no"]);
    command
}

fn agent(stage: &Stage, device: &str, url: &str, token: &str) -> Command {
    let (config, program_of_all) = (stage.directory.join(format!("{device}.toml")), program("torture-program"));
    let rule = format!("allow = true\nprogram = {program_of_all:?}\nargs = [\"deed\", {:?}]\n", stage.deeds(device));
    // A device that is killed a third time on probation would go back, so it has all the time it needs.
    let mut text = format!(
        "update_root_file = {:?}\nupdate_healthy_for = \"1s\"\nupdate_probation = \"60s\"\n\
         [commands.restart_app]\n{rule}[commands.reboot]\n{rule}",
        stage.root()
    );
    let (looks, targets) = (stage.looks(device), stage.targets(device));
    for (name, path) in TARGETS.iter().zip(&targets) {
        fs::create_dir_all(path.parent().expect("a target is in a directory")).expect("a directory");
        let look = |word| format!("[{program_of_all:?}, {word:?}, {looks:?}, {:?}, {:?}]", targets[0], targets[1]);
        let (reload, health) = (look(RELOAD), look(HEALTH));
        text += &format!("[targets.{name}]\npath = {path:?}\nreload = {reload}\nhealth = {health}\n");
    }
    fs::write(&config, text).expect("a file");
    let mut command = clean(Command::new(program("homepot-agent")));
    command.arg("run").arg("--config").arg(config).arg("--state-dir").arg(stage.state_dir(device));
    command.args(["--server", url, "--site", SITE, "--device-id", device]);
    command.env("HOMEPOT_ENROLLMENT_TOKEN", token).env("HOMEPOT_AGENT_LOG", "info");
    command
}

/// Makes the site, and a token by which so many devices enrol there.
async fn open_site(operators: &Replicas, devices: usize) -> String {
    let site = pb::CreateSiteRequest { site_id: SITE.to_owned(), name: "Torture".to_owned(), ..Default::default() };
    let max_uses = u32::try_from(devices).expect("few devices");
    let token = pb::CreateEnrollmentTokenRequest { site_id: SITE.to_owned(), max_uses, ..Default::default() };
    // A refusal is as good as an answer where an earlier answer was lost.
    let _ = operators
        .until_answered(0, &site, |mut clients, it| async move { clients.registry.create_site(it).await })
        .await;
    let made = operators
        .until_answered(0, &token, |mut clients, it| async move { clients.registry.create_enrollment_token(it).await })
        .await;
    made.expect("the admin may make an enrolment token").secret
}

/// An address that nobody else takes while its server is down.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((own_address(), 0)).expect("a port");
    listener.local_addr().expect("it is bound")
}
