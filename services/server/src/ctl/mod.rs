//! `homepot ctl`: the operators' shell, a client of a running server over gRPC.
//!
//! A file for each noun (`sites`, `devices`, `commands`, …) holds its command line, its calls and how its records look. It knows
//! the `kit` and no other noun.

mod activity;
mod commands;
mod completions;
mod contexts;
mod devices;
mod errors;
mod kit;
mod operators;
mod query;
mod releases;
mod rollouts;
mod runs;
mod samples;
mod sign_in;
mod sites;
mod tokens;
mod values;

use std::{process::ExitCode, time::Duration};

use self::kit::{
    connection::Connection,
    out::{Look, Out, ReaderGone, note},
    status::{self, Usage},
};

pub(crate) const AFTER_HELP: &str = "\
Your token is read from HOMEPOT_TOKEN, else from the file that --token-file, HOMEPOT_TOKEN_FILE or the context names, \
else from admin-token in the data directory. It has no flag, because process lists show flags. A token file that \
others have access to is refused.

Exit status: 0 done, 1 error, 2 wrong command line. Commands that wait have more, see `commands queue --help` and \
`runs wait --help`.

Try `homepot ctl devices list`, `homepot ctl latest`, `homepot ctl commands queue DEVICE_ID PING --wait`.";

#[derive(Debug, clap::Args)]
pub(crate) struct CtlArgs {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, clap::Subcommand)]
enum Noun {
    /// Manage sites: shops, offices, data centres.
    #[command(subcommand)]
    Sites(sites::Action),
    /// Show and manage devices: presence, labels, keys, removal.
    #[command(subcommand)]
    Devices(Box<devices::Action>),
    /// Show the newest sample of each device.
    Latest(samples::LatestArgs),
    /// List the samples of a device.
    #[command(subcommand)]
    Samples(samples::Action),
    /// Show metrics over time.
    Query(Box<query::QueryArgs>),
    /// Queue, show and cancel commands for single devices.
    #[command(subcommand)]
    Commands(Box<commands::Action>),
    /// Start and control runs: the same command for many devices, a few at a time.
    #[command(subcommand)]
    Runs(Box<runs::Action>),
    /// Upload and show signed releases, and the trust roots by which devices know them.
    #[command(subcommand)]
    Releases(releases::Action),
    /// Start and control rollouts: a release for many devices, phase by phase.
    #[command(subcommand)]
    Rollouts(Box<rollouts::Action>),
    /// Set and show the values that the variables of releases have on devices.
    #[command(subcommand)]
    Values(values::Action),
    /// List and count errors of applications.
    #[command(subcommand)]
    Errors(errors::Action),
    /// List and count what people do in the tools around HOMEPOT.
    #[command(subcommand)]
    Activity(activity::Action),
    /// Manage enrolment tokens, with which devices join.
    #[command(subcommand)]
    Tokens(tokens::Action),
    /// Manage operators: their roles, sites and tokens.
    #[command(subcommand)]
    Operators(operators::Action),
    /// Manage contexts: servers by name, each with the file that holds your token for it.
    #[command(subcommand)]
    Contexts(contexts::Action),
    /// Show which operator your token belongs to.
    #[command(name = "whoami")]
    WhoAmI,
    /// Make a one-time link that opens the web page signed in as you.
    #[command(name = "sign-in")]
    SignIn(sign_in::SignInArgs),
    /// Print a script with which the Tab key completes this command line.
    #[command(after_help = completions::AFTER_HELP)]
    Completions {
        /// The shell.
        shell: completions::Shell,
    },
    /// Write the ids that complete a word; the scripts of `completions` call it.
    #[command(name = "__complete", hide = true)]
    Complete(completions::IdsArgs),
}

impl Noun {
    /// How much longer than others its call may take.
    fn takes(&self) -> Duration {
        match self {
            Self::Commands(action) => action.takes(),
            Self::Devices(action) => action.takes(),
            Self::Sites(action) => action.takes(),
            _ => Duration::ZERO,
        }
    }
}

/// Does what the arguments say; `command` is the whole command line, for completions.
pub(crate) fn run(args: CtlArgs, command: clap::Command) -> anyhow::Result<ExitCode> {
    let out = Out::new(args.look);
    let done = match args.noun {
        Noun::Completions { shell } => completions::run(&out, shell, command),
        Noun::Contexts(action) => contexts::run(&args.connection, &out, action),
        noun => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(act(&args.connection, &out, noun))
        }
    };
    let error = match done {
        Ok(code) => return Ok(code),
        Err(error) => error,
    };
    if error.is::<ReaderGone>() {
        return Ok(status::READER_GONE.into());
    }
    note(format_args!("{error:#}"));
    Ok(if error.is::<Usage>() { status::USAGE } else { status::FAILED }.into())
}

async fn act(connection: &Connection, out: &Out, noun: Noun) -> anyhow::Result<ExitCode> {
    if let Noun::Complete(args) = noun {
        return completions::ids(connection, out, args).await;
    }
    let client = &connection.open(noun.takes()).await?;
    match noun {
        Noun::Sites(action) => sites::run(client, out, action).await,
        Noun::Devices(action) => devices::run(client, out, *action).await,
        Noun::Latest(args) => samples::latest(client, out, args).await,
        Noun::Samples(action) => samples::run(client, out, action).await,
        Noun::Query(args) => query::run(client, out, *args).await,
        Noun::Commands(action) => commands::run(client, out, *action).await,
        Noun::Runs(action) => runs::run(client, out, *action).await,
        Noun::Releases(action) => releases::run(client, out, action).await,
        Noun::Rollouts(action) => rollouts::run(client, out, *action).await,
        Noun::Values(action) => values::run(client, out, action).await,
        Noun::Errors(action) => errors::run(client, out, action).await,
        Noun::Activity(action) => activity::run(client, out, action).await,
        Noun::Tokens(action) => tokens::run(client, out, action).await,
        Noun::Operators(action) => operators::run(client, out, action).await,
        Noun::WhoAmI => operators::who_am_i(client, out).await,
        Noun::SignIn(args) => sign_in::run(client, out, &args).await,
        // These were done before.
        Noun::Completions { .. } | Noun::Contexts(_) | Noun::Complete(_) => Ok(ExitCode::SUCCESS),
    }
}
