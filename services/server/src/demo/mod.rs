//! `homepot demo`: runs all parts of HOMEPOT on this machine, and leaves nothing running afterwards.

mod child;
mod guide;
mod shop;
mod steps;
mod updates;

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use homepot::model::ServerAddress;
use homepot_host::environment;
use homepot_runtime::serve::Listener;
use tokio::time::Instant;

use self::{
    child::Child,
    guide::{Addresses, guide},
    updates::Publisher,
};
use crate::{
    admin_token,
    client::{self, CALL_TIMEOUT, Client},
    settings::default_data_dir,
    signals::Signals,
    terminal::{say, wall_clock},
};

pub(crate) const AFTER_HELP: &str = "\
The demo listens on the server's usual addresses; HOMEPOT_GRPC_ADDR, HOMEPOT_REST_ADDR and HOMEPOT_OPS_ADDR choose \
others. Open enrolment is on, for this machine only. Ctrl-C ends the demo; its data stays for the next time.";

const SITE: &str = "site-001";
/// Any single step takes seconds; a machine that is busy building gets this long.
const PATIENCE: Duration = Duration::from_secs(90);
/// A server drains for up to ten seconds.
const SERVER_END: Duration = Duration::from_secs(12);
const AGENT_END: Duration = Duration::from_secs(10);
/// The simulator waits this long for what is under way, on a machine that is busy; otherwise it is gone at once.
const SIMULATOR_DRAIN: &str = "15s";
const SIMULATOR_END: Duration = Duration::from_secs(20);

/// Addresses that the demo's server takes from the environment, with what they default to.
const ADDRESSES: [(&str, &str, &str, &str); 3] = [
    ("grpc-addr", "HOMEPOT_GRPC_ADDR", "127.0.0.1:50051", "127.0.0.1:50052"),
    ("rest-addr", "HOMEPOT_REST_ADDR", "127.0.0.1:8000", "127.0.0.1:8001"),
    ("ops-addr", "HOMEPOT_OPS_ADDR", "127.0.0.1:9464", "127.0.0.1:9465"),
];

/// How long, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// End after this many seconds, or later, once everything was shown. Exits with 0 if everything worked.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
    /// Directory of the demo's data, which is kept apart from a real server's [default: the server's data directory with
    /// -demo after it].
    #[arg(long, env = "HOMEPOT_DEMO_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(crate) fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let data_dir = args.data_dir.or_else(demo_data_dir).context("there is no HOME; give --data-dir")?;
    let demo = Demo {
        data_dir: std::path::absolute(data_dir)?,
        ends: args.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        device_id: device_id(&rustix::system::uname().nodename().to_string_lossy()),
    };
    // On this one thread: children end with the thread that started them.
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(demo.run())
}

/// A real server's data must not be opened to everybody on the machine by a demo.
fn demo_data_dir() -> Option<PathBuf> {
    let mut directory = default_data_dir()?.into_os_string();
    directory.push("-demo");
    Some(directory.into())
}

/// A device's id made of the machine's name.
fn device_id(host: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = host.chars().map(fit).take(64).collect();
    match slug.trim_matches('-') {
        "" => "this-machine".to_owned(),
        slug => slug.to_owned(),
    }
}

struct Demo {
    data_dir: PathBuf,
    ends: Option<Instant>,
    device_id: String,
}

/// Programs that run; the server's first.
#[derive(Default)]
struct Children {
    server: Option<Child>,
    agent: Option<Child>,
    /// Devices that are not there, and people and applications that are not either.
    simulator: Option<Child>,
    traffic: Option<Child>,
}

/// Why the demo ends.
enum End {
    /// Its time is over, or somebody asked.
    Fine,
    /// Somebody asked before all of it was shown.
    Interrupted,
}

impl Demo {
    async fn run(self) -> anyhow::Result<ExitCode> {
        let mut signals = Signals::listen()?;
        let mut children = Children::default();
        let ended = tokio::select! {
            shown = self.show(&mut children) => match shown {
                Ok(client) => self.stay_up(&mut children, &mut signals, &client).await,
                Err(error) => Err(error),
            },
            signal = signals.next() => {
                say(format_args!("\n{signal}: ending"));
                Ok(End::Interrupted)
            }
        };
        let tails = if ended.is_err() { children.tails() } else { Vec::new() };
        let stopped = tokio::select! {
            stopped = children.stop() => stopped,
            _ = signals.next() => {
                children.kill();
                Ok(())
            }
        };
        match (ended, stopped) {
            (Ok(End::Fine), Ok(())) => {
                say("nothing of the demo is left running");
                Ok(ExitCode::SUCCESS)
            }
            (Ok(End::Interrupted), _) => Ok(ExitCode::from(130)),
            (Ok(End::Fine), Err(error)) => Err(error),
            (Err(error), _) => {
                tails.iter().for_each(say);
                Err(error.context("the demo failed"))
            }
        }
    }

    async fn show(&self, children: &mut Children) -> anyhow::Result<Client> {
        let began = Instant::now();
        admin_token::make_data_dir(&self.data_dir)?;
        check_addresses()?;
        say(format_args!("HOMEPOT demo, with its data and logs in {}", self.data_dir.display()));

        let server = children.server.insert(self.start_server()?);
        let at = step("the server to be ready", server, ready(&server_log(&self.data_dir))).await?;
        say(format_args!("  server is ready after {:.1} s: database, services, REST", began.elapsed().as_secs_f64()));

        let token = admin_token::read(&self.data_dir.join(admin_token::FILE)).context("the server left no token")?;
        let url = format!("http://{}", at.grpc);
        let address = ServerAddress::parse(&url, false).map_err(anyhow::Error::msg)?;
        let client = Client::new(client::connect(&address, None, CALL_TIMEOUT).await?, &address, &token)?;
        step("the site", server, steps::make_site(&client, SITE)).await?;

        let publisher = Publisher::open(&self.data_dir).context("the key and the configuration for updates")?;
        let since = wall_clock();
        let agent = children.agent.insert(self.start_agent(&url, &publisher)?);
        say("  agent started; it enrols this machine unless it did so before");
        step("the device to come online", agent, steps::wait_online(&client, &self.device_id)).await?;
        step("the first sample", agent, steps::wait_sample(&client, &self.device_id, since)).await?;
        step("the PING's outcome", agent, steps::ping(&client, &self.device_id)).await?;

        let simulator = children.simulator.insert(self.start_simulator(&url, &publisher)?);
        step("the simulated shop", simulator, shop::wait_online(&client)).await?;
        step("the shop's diagnostics", simulator, shop::diagnose(&client)).await?;
        step("the shop's samples", simulator, shop::show_failing(&client)).await?;
        let since = wall_clock();
        let traffic = children.traffic.insert(self.start_traffic(&at)?);
        step("the shop's people", traffic, shop::wait_traffic(&client, since)).await?;
        step("the releases", simulator, publisher.show(&client, &self.device_id)).await?;
        say(format_args!("All of it works, {:.1} s after the start.", began.elapsed().as_secs_f64()));
        let code = steps::sign_in_code(&client).await?;
        say(guide(&at, &self.device_id, &token, &code, &std::env::current_exe()?));
        Ok(client)
    }

    async fn stay_up(&self, children: &mut Children, signals: &mut Signals, client: &Client) -> anyhow::Result<End> {
        match self.ends {
            Some(_) => say("Staying up until the time given is over; Ctrl-C ends it sooner."),
            None => say("Staying up; Ctrl-C ends all of it."),
        }
        tokio::select! {
            () = sleep_until(self.ends) => Ok(End::Fine),
            signal = signals.next() => {
                say(format_args!("\n{signal}: ending"));
                Ok(End::Fine)
            }
            error = children.unexpected_end() => Err(error),
            never = shop::keep_busy(client) => match never {},
        }
    }

    fn start_server(&self) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("can't find this program")?;
        let addresses =
            ADDRESSES.iter().map(|(_, variable, default, _)| ((*variable).to_owned(), address(variable, default)));
        let level = environment::variable("HOMEPOT_LOG")?.unwrap_or_else(|| "info".to_owned());
        let environment: Vec<_> = addresses.chain([("HOMEPOT_LOG".to_owned(), level)]).collect();
        let arguments = ["serve", "--open-enrollment", "loopback", "--log-format", "json", "--data-dir"];
        let arguments: Vec<_> = arguments.into_iter().map(OsStr::new).chain([self.data_dir.as_os_str()]).collect();
        Child::start("server", &program, &arguments, &environment, server_log(&self.data_dir))
    }

    fn start_agent(&self, url: &str, publisher: &Publisher) -> anyhow::Result<Child> {
        let program = beside("homepot-agent", "homepot-agent")?;
        // A state directory a device: a machine that got another name is another device.
        let state_dir = self.data_dir.join("agent").join(&self.device_id);
        let arguments = ["run", "--server", url, "--site", SITE, "--device-id", &self.device_id, "--state-dir"];
        let more = [state_dir.as_os_str(), OsStr::new("--config"), publisher.config.as_os_str()];
        let arguments: Vec<_> = arguments.into_iter().map(OsStr::new).chain(more).collect();
        Child::start("agent", &program, &arguments, &[], self.data_dir.join("agent.log"))
    }

    fn start_simulator(&self, url: &str, publisher: &Publisher) -> anyhow::Result<Child> {
        let state = self.data_dir.join("simulator");
        let (devices, sites) = (shop::DEVICES.to_string(), shop::SITES.to_string());
        let arguments = [
            ["fleet", "--quiet"].as_slice(),
            &["--server", url, "--name", shop::NAME, "--devices", &devices, "--sites", &sites],
            &["--scenario", "demo_shop", "--history", shop::HISTORY, "--drain", SIMULATOR_DRAIN],
        ];
        let root = publisher.root.as_os_str();
        let state = [OsStr::new("--state-dir"), state.as_os_str(), OsStr::new("--update-root"), root];
        self.start_sim("simulator", &arguments.concat(), &state)
    }

    fn start_traffic(&self, at: &Addresses) -> anyhow::Result<Child> {
        let url = format!("http://{}", at.rest);
        let arguments =
            ["traffic", "--quiet", "--url", &url, "--activity-rate", "1", "--error-rate", "0.3", "--duration", "30d"];
        self.start_sim("traffic", &arguments, &[])
    }

    /// Starts the simulator as the demo's admin.
    fn start_sim(&self, name: &'static str, arguments: &[&str], more: &[&OsStr]) -> anyhow::Result<Child> {
        let program = beside("homepot-sim", "homepot-simulator")?;
        let token = self.data_dir.join(admin_token::FILE);
        let arguments = arguments.iter().map(OsStr::new).chain(more.iter().copied());
        let arguments: Vec<_> = arguments.chain([OsStr::new("--token-file"), token.as_os_str()]).collect();
        Child::start(name, &program, &arguments, &[], self.data_dir.join(format!("{name}.log")))
    }
}

/// The program of that name, which lies where this one does.
fn beside(name: &str, package: &str) -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(program.exists(), "there is no {}; `cargo build -p {package}` makes it", program.display());
    Ok(program)
}

impl Children {
    async fn unexpected_end(&mut self) -> anyhow::Error {
        let Self { server: Some(server), agent: Some(agent), simulator: Some(simulator), traffic: Some(traffic) } =
            self
        else {
            return anyhow::anyhow!("a part was never started");
        };
        tokio::select! {
            error = server.unexpected_end() => error,
            error = agent.unexpected_end() => error,
            error = simulator.unexpected_end() => error,
            error = traffic.unexpected_end() => error,
        }
    }

    fn all(&self) -> impl Iterator<Item = &Child> {
        [&self.server, &self.agent, &self.simulator, &self.traffic].into_iter().flatten()
    }

    fn tails(&self) -> Vec<String> {
        self.all().map(Child::tail).collect()
    }

    /// Devices first: a server that leaves first would only make them reconnect.
    async fn stop(&mut self) -> anyhow::Result<()> {
        let traffic = stop(&mut self.traffic, SIMULATOR_END).await;
        let simulator = stop(&mut self.simulator, SIMULATOR_END).await;
        let agent = stop(&mut self.agent, AGENT_END).await;
        let server = stop(&mut self.server, SERVER_END).await;
        traffic.and(simulator).and(agent).and(server)
    }

    fn kill(&self) {
        self.all().for_each(Child::kill);
    }
}

async fn stop(child: &mut Option<Child>, patience: Duration) -> anyhow::Result<()> {
    match child {
        Some(child) => child.stop(patience).await,
        None => Ok(()),
    }
}

/// Waits for a step, but not for ever, and not when the program it waits for has ended.
async fn step<T>(what: &str, child: &mut Child, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = tokio::time::timeout(PATIENCE, work) => match done {
            Ok(done) => done,
            Err(_) => Err(anyhow::anyhow!("waited {} s for {what} in vain", PATIENCE.as_secs())),
        },
        error = child.unexpected_end() => Err(error),
    }
}

/// Waits for the server's word in its log.
async fn ready(log: &Path) -> anyhow::Result<Addresses> {
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        if let Some(addresses) = Addresses::from_log(&text) {
            return Ok(addresses);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Tells which address is taken, and how to choose another, before anything is started.
fn check_addresses() -> anyhow::Result<()> {
    let mut told = Vec::new();
    for (setting, variable, default, other) in ADDRESSES {
        let address = address(variable, default);
        let address = address.parse().with_context(|| format!("{variable}: '{address}' is not an address"))?;
        if let Err(error) = Listener::bind(setting, address) {
            told.push(format!("  {address}: {}; choose another, such as {variable}={other}", error.reason));
        }
    }
    anyhow::ensure!(told.is_empty(), "can't listen where the demo wants to:\n{}", told.join("\n"));
    Ok(())
}

fn address(variable: &str, default: &str) -> String {
    // What can't be read was refused at the start.
    environment::variable(variable).ok().flatten().unwrap_or_else(|| default.to_owned())
}

fn server_log(data_dir: &Path) -> PathBuf {
    data_dir.join("server.log")
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machines_name_becomes_a_devices_id() {
        assert_eq!(device_id("Till-7.Example.org"), "till-7-example-org");
        assert_eq!(device_id("käsé"), "k-s");
        assert_eq!(device_id("(none)"), "none");
        assert_eq!(device_id("…"), "this-machine");
        assert_eq!(device_id(&"x".repeat(100)).len(), 64);
    }
}
