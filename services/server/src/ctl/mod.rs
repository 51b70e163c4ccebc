//! `homepot ctl`: the operators' shell, a client of a running server over gRPC.
//!
//! A module for each kind of thing (`sites`, `devices`, `commands`, …) holds its command line, its calls and how its
//! records look; `table` and `out` show them, `calls` fetches pages and keeps watches going, `connection` knows the server
//! and the caller's token.

mod activity;
mod calls;
mod commands;
mod completions;
mod connection;
mod devices;
mod errors;
mod follow;
mod labels;
mod latest;
mod operators;
mod order;
mod out;
mod progress;
mod removal;
mod run_records;
mod runs;
mod sites;
mod status;
mod summary;
mod table;
mod target;
mod tokens;
mod words;

use std::{process::ExitCode, time::Duration};

use self::{
    connection::Connection,
    out::{Out, Output, ReaderGone, note},
};

pub(crate) const AFTER_HELP: &str = "\
Your own token is read from HOMEPOT_TOKEN, else from the file of --token-file or HOMEPOT_TOKEN_FILE, else from admin-token \
in the data directory; there is no flag for it, because process lists show flags. A file that others have access to is \
refused.

Exit status: 0 done, 1 an error, 2 the command line is at fault; waits have more, see `commands queue --help` and `runs \
wait --help`.

Try `homepot ctl devices list`, `homepot ctl latest`, `homepot ctl commands queue DEVICE_ID PING --wait`.";

#[derive(Debug, clap::Args)]
pub(crate) struct CtlArgs {
    #[command(flatten)]
    connection: Connection,
    /// How answers look.
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,
    #[command(subcommand)]
    noun: Noun,
}

#[derive(Debug, clap::Subcommand)]
enum Noun {
    /// Shops, offices, data centres.
    #[command(subcommand)]
    Sites(sites::Action),
    /// Machines that HOMEPOT knows, and whether they are there.
    #[command(subcommand)]
    Devices(Box<devices::Action>),
    /// Show the newest sample of each device.
    Latest(latest::LatestArgs),
    /// What devices are told to do, one by one.
    #[command(subcommand)]
    Commands(Box<commands::Action>),
    /// The same command for many devices, some at a time.
    #[command(subcommand)]
    Runs(Box<runs::Action>),
    /// What went wrong in applications.
    #[command(subcommand)]
    Errors(errors::Action),
    /// What people do.
    #[command(subcommand)]
    Activity(activity::Action),
    /// What devices enrol with.
    #[command(subcommand)]
    Tokens(tokens::Action),
    /// Who may call, and what.
    #[command(subcommand)]
    Operators(operators::Action),
    /// Show who your own token says you are.
    #[command(name = "whoami")]
    WhoAmI,
    /// Write a script that completes this command line on the Tab key.
    #[command(after_help = completions::AFTER_HELP)]
    Completions {
        /// For which shell.
        shell: completions::Shell,
    },
}

impl Noun {
    /// How much longer than others its call may take.
    fn takes(&self) -> Duration {
        match self {
            Self::Commands(action) => action.takes(),
            Self::Devices(action) => action.takes(),
            _ => Duration::ZERO,
        }
    }
}

/// What is wrong with the command line, found out later than by its parser.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Does what the arguments say; `command` is the whole command line, for completions.
pub(crate) fn run(args: CtlArgs, command: clap::Command) -> anyhow::Result<ExitCode> {
    let out = Out::new(args.output);
    let done = match args.noun {
        Noun::Completions { shell } => completions::run(&out, shell, command),
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
    let client = &connection.open(noun.takes()).await?;
    match noun {
        Noun::Sites(action) => sites::run(client, out, action).await,
        Noun::Devices(action) => devices::run(client, out, *action).await,
        Noun::Latest(args) => latest::run(client, out, args).await,
        Noun::Commands(action) => commands::run(client, out, *action).await,
        Noun::Runs(action) => runs::run(client, out, *action).await,
        Noun::Errors(action) => errors::run(client, out, action).await,
        Noun::Activity(action) => activity::run(client, out, action).await,
        Noun::Tokens(action) => tokens::run(client, out, action).await,
        Noun::Operators(action) => operators::run(client, out, action).await,
        Noun::WhoAmI => operators::who_am_i(client, out).await,
        // Needs no server and was done before.
        Noun::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}
