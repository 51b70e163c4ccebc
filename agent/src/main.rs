//! `homepot-agent`: parses, builds, runs until a signal, and says why it ended.

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use homepot::text::{visible_json, visible_lines};
use homepot_agent::{
    Ended, RunError,
    config::{Config, Defaults, Flags, Place},
    hold::{self, HoldError, Holds},
    launch::{REPLACED, launch},
    platform,
    status::{Report, Status},
};
use homepot_host::{environment, settings::parse_time};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Measures this machine for HOMEPOT and runs the commands that operators send to it.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the agent until SIGTERM or Ctrl-C. It enrols this machine at its first start
    #[command(after_help = AFTER_HELP)]
    Run(Box<Flags>),
    /// Run the agent, or the one that a release put in its place, and return to the last good one where a new one is no good.
    /// Takes the flags of `homepot-agent run`
    Launch {
        /// As `homepot-agent run --help` shows them
        #[arg(value_name = "FLAGS OF RUN", trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Show the state of the agent on this machine. Exits with 0 if it runs and is attached, else with 1
    Status {
        #[command(flatten)]
        place: Place,
        /// Output format
        #[arg(short, long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Hold releases back for a while, such as during a sale. Exits with 75 while one is being put in place
    ///
    /// The hold ends by itself, also at a reboot. Repeat it to renew it. Whoever may write in the hold directory may hold.
    Hold {
        #[command(flatten)]
        of: Held,
        /// How long, such as 90s or 10m: at most 1h
        #[arg(long = "for", value_name = "SPAN")]
        span: String,
        /// Why, for people
        #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
        reason: String,
    },
    /// End a hold before its time
    ReleaseHold {
        #[command(flatten)]
        of: Held,
    },
}

/// Which hold, and where.
#[derive(clap::Args)]
struct Held {
    #[command(flatten)]
    place: Place,
    /// The hold directory [default: hold_directory of the configuration, else holds in the state directory]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Name of the hold, where several programs hold: 1 to 64 of a-z, 0-9 and '-'
    #[arg(long, default_value = "default", value_name = "NAME")]
    name: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Output {
    /// For people
    Text,
    /// For scripts
    Json,
}

const AFTER_HELP: &str = "\
First start:
  HOMEPOT_ENROLLMENT_TOKEN=hpe_... homepot-agent run --server https://pot.example:50051 --site site-001
  (from then on: homepot-agent run --server https://pot.example:50051)

The key is kept in .device_api_key in the state directory; the agent never enrols twice.
Samples wait in spool/ there until the server has them. They survive a killed agent at once, and a power cut once the \
agent has synced them to disk: every 12 samples or 60 s, whichever comes first.
The configuration file has the same keys as the flags, with '_' for '-'. RESTART_APP and REBOOT are denied until it says
  [commands.reboot]
  allow = true
  program = \"/usr/sbin/reboot\"
  args = []
and [commands.restart_app] likewise.

Environment: the variable shown with each flag; HOMEPOT_ENROLLMENT_TOKEN, the enrolment token; HOMEPOT_AGENT_LOG, the \
log levels [default: info].
Logs go to stderr: for people on a terminal, as JSON otherwise.
Exit codes: 0 stopped as asked, 1 failed, 2 wrong settings, 3 enrolment refused, 4 state directory damaged or open to \
others, 5 replaced by a release.";

fn main() -> ExitCode {
    if let Err(error) = environment::check() {
        let _ = writeln!(io::stderr(), "{error}");
        return ExitCode::from(2);
    }
    match Cli::parse().command {
        Command::Run(flags) => {
            log_to_stderr();
            match run(&flags) {
                Ok(Ended::Stopped) => ExitCode::SUCCESS,
                Ok(Ended::Replaced) => ExitCode::from(REPLACED),
                Err(error) => failed(&error),
            }
        }
        Command::Hold { of, span, reason } => held(hold(&of, &span, &reason)),
        Command::ReleaseHold { of } => held(release_hold(&of)),
        Command::Launch { args } => {
            log_to_stderr();
            let defaults = Defaults::of_this_machine().map(|defaults| defaults.state_dir);
            match defaults.map_err(Into::into).and_then(|state_dir| launch(args, state_dir)) {
                Ok(code) => ExitCode::from(code),
                Err(error) => failed(&error),
            }
        }
        Command::Status { place, output } => match status(place, output) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                let _ = writeln!(io::stderr(), "{}", visible_lines(&error.to_string()));
                ExitCode::from(2)
            }
        },
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::from(error.downcast_ref::<RunError>().map_or(1, RunError::exit_code))
}

fn hold(of: &Held, span: &str, reason: &str) -> anyhow::Result<()> {
    let span = parse_time(span).map_err(|fault| HoldError::Invalid(format!("--for: {fault}")))?;
    Ok(holds(of)?.hold(&of.name, span, reason, hold::now())?)
}

fn release_hold(of: &Held) -> anyhow::Result<()> {
    // One that has ended already is as good.
    holds(of)?.release(&of.name)?;
    Ok(())
}

fn holds(of: &Held) -> anyhow::Result<Holds> {
    if let Some(directory) = &of.directory {
        return Ok(hold::of_this_boot(directory.clone()));
    }
    let config = load(&Flags { place: of.place.clone(), ..Flags::default() })?;
    Ok(hold::of_this_boot(config.hold_directory))
}

/// The exit code of what could not be held: 75 asks to try again, as in sysexits.h.
fn held(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    let _ = writeln!(io::stderr(), "{}", visible_lines(&error.to_string()));
    match error.downcast_ref() {
        Some(HoldError::Busy) => ExitCode::from(75),
        Some(HoldError::Io(..)) => ExitCode::FAILURE,
        Some(HoldError::Invalid(_)) | None => ExitCode::from(2),
    }
}

fn run(flags: &Flags) -> anyhow::Result<Ended> {
    let config = load(flags)?;
    let launched = config.launched.clone();
    // One thread does: the agent waits nearly all of the time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stop = CancellationToken::new();
    let status = watch::Sender::new(Status::starting(&config.server.to_string()));
    let ended: anyhow::Result<Ended> = runtime.block_on(async {
        let (asked, signal) = (stop.clone(), platform::shutdown_signal()?);
        tokio::spawn(async move {
            signal.await;
            tracing::info!("asked to stop");
            asked.cancel();
        });
        Ok(homepot_agent::run(config, stop, status).await?)
    });
    let ended = ended?;
    if let (Ended::Replaced, Some(launched)) = (ended, launched) {
        // The arguments behind `run`.
        launched.start_again(std::env::args_os().skip(2));
    }
    Ok(ended)
}

fn load(flags: &Flags) -> Result<Config, RunError> {
    let defaults = Defaults::of_this_machine().map_err(|error| RunError::Config(vec![error.to_string()]))?;
    Config::load(flags, &defaults).map_err(RunError::Config)
}

fn status(place: Place, output: Output) -> anyhow::Result<bool> {
    let flags = Flags { place, ..Flags::default() };
    let config = load(&flags)?;
    let report = Report::of(&config.state_dir);
    let mut stdout = io::stdout();
    match output {
        Output::Text => writeln!(stdout, "{}", visible_lines(&report.to_string()))?,
        Output::Json => writeln!(stdout, "{}", visible_json(&serde_json::to_string_pretty(&report)?))?,
    }
    Ok(report.healthy)
}

/// `HOMEPOT_AGENT_LOG` holds directives such as `info` or `info,homepot_agent=debug`.
fn log_to_stderr() {
    // What can't be read was refused at the start.
    let said = environment::variable("HOMEPOT_AGENT_LOG").ok().flatten();
    let wanted = said.as_deref().unwrap_or("info").parse::<Targets>();
    let filter = wanted.as_ref().cloned().unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let lines = fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if io::stderr().is_terminal() {
        registry.with(lines).init();
    } else {
        registry.with(lines.json().flatten_event(true)).init();
    }
    if let Err(error) = wanted {
        tracing::warn!(%error, "HOMEPOT_AGENT_LOG is not understood; logging from level info on");
    }
}
