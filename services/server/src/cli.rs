//! The command line.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};
use homepot_host::environment;
use homepot_release::cli::{CommandError, ReleaseCommand, SignCommand};

use crate::{Extension, confirm_clock, ctl, demo, health, migrate, restored, serve, settings::Flags, terminal, tether};

/// Monitors and commands devices. This one program is the server and the operators' shell.
#[derive(Debug, Parser)]
#[command(name = "homepot", version, max_term_width = 100, propagate_version = true)]
#[command(after_help = "Start with `homepot demo`: it shows everything on this machine and stops what it started.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const RELEASE_AFTER_HELP: &str = "\
The way of a release:

  homepot release key release-key.pem        once for each person who signs; keep the file offline
  homepot release root root.toml --out root.signed
  homepot sign root.signed --key release-key.pem
  homepot ctl releases trust root.signed     the server gets the root, and so does every device
  homepot release build prices/              a directory with release.toml and its files
  homepot sign prices/prices-17.release --key release-key.pem
  homepot ctl releases upload prices/prices-17.release
  homepot ctl rollouts start RELEASE_ID --site SITE_ID

docs/ota.md explains each step and the two TOML files.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server: all of its roles, or those that --roles names.
    #[command(after_help = serve::AFTER_HELP)]
    Serve(Box<Flags>),
    /// Inspect and control the fleet of a running server: sites, devices, commands, runs, tokens.
    #[command(after_help = ctl::AFTER_HELP)]
    Ctl(Box<ctl::CtlArgs>),
    /// Bring the database's schema up to date, and make the first admin.
    #[command(after_help = migrate::AFTER_HELP)]
    Migrate(Box<Flags>),
    /// End the commands that were under way when the backup was made from which the database's files were restored.
    #[command(after_help = restored::AFTER_HELP)]
    Restored(Box<Flags>),
    /// Make keys, trust roots and releases for updates over the air. None of it needs a server.
    #[command(subcommand, after_help = RELEASE_AFTER_HELP)]
    Release(ReleaseCommand),
    /// Sign a trust root or a release with your private key. It needs no server.
    Sign(SignCommand),
    /// Check whether a running server is ready, for container probes. Exits with 0 if it is, with 1 if not.
    Health(health::HealthArgs),
    /// Confirm that the database's clock is right, after maintenance stopped because the clock leapt.
    #[command(after_help = confirm_clock::AFTER_HELP)]
    ConfirmClock(confirm_clock::ConfirmClockArgs),
    /// Demonstrate HOMEPOT on this machine: a server, an agent, its metrics, a command to it.
    #[command(after_help = demo::AFTER_HELP)]
    Demo(demo::DemoArgs),
    /// Run a program that ends when its parent does.
    #[command(hide = true)]
    Tether(tether::TetherArgs),
}

/// Runs the program and returns its exit status.
pub fn main() -> ExitCode {
    run(None)
}

/// Runs the program with more services than HOMEPOT has. What the contract allows is settled by it, so it comes first.
pub fn main_with(extension: Extension) -> ExitCode {
    if !homepot::contract::add(extension.contract) {
        terminal::tell_error(&anyhow::anyhow!("a program has one extension"));
        return ExitCode::FAILURE;
    }
    run(Some(extension))
}

fn run(extension: Option<Extension>) -> ExitCode {
    if let Err(error) = environment::check() {
        terminal::tell_error(&error.into());
        return ExitCode::from(2);
    }
    let done = match Cli::parse().command {
        Command::Serve(flags) => serve::run(*flags, extension),
        Command::Ctl(args) => ctl::run(*args, Cli::command()),
        Command::Migrate(flags) => migrate::run(*flags),
        Command::Restored(flags) => restored::run(*flags),
        Command::Release(command) => told(command.run(now_seconds())),
        Command::Sign(command) => told(command.run()),
        Command::Health(args) => health::run(&args).map(|()| ExitCode::SUCCESS),
        Command::ConfirmClock(args) => confirm_clock::run(args).map(|()| ExitCode::SUCCESS),
        Command::Demo(args) => demo::run(args),
        Command::Tether(args) => tether::run(args).map(|()| ExitCode::SUCCESS),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            terminal::tell_error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Shows what a command that needs no server has to say.
fn told(said: Result<String, CommandError>) -> anyhow::Result<ExitCode> {
    terminal::say(said?.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn now_seconds() -> u64 {
    u64::try_from(terminal::wall_clock().timestamp()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_argument_is_explained() {
        Cli::command().debug_assert();
        let mut command = Cli::command();
        command.build();
        command.get_subcommands().for_each(is_explained);
    }

    fn is_explained(command: &clap::Command) {
        // What clap adds by itself.
        if command.get_name() == "help" {
            return;
        }
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
            assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
        }
        command.get_subcommands().for_each(is_explained);
    }

    #[test]
    fn no_flag_takes_a_secret() {
        let mut serve = Cli::command().find_subcommand("serve").unwrap().clone();
        let help = serve.render_long_help().to_string();
        assert!(!help.contains("--admin-token <") && !help.contains("--database-url <"), "{help}");
        assert!(help.contains("HOMEPOT_ADMIN_TOKEN") && help.contains("HOMEPOT_DATABASE_URL"), "{help}");
        let mut ctl = Cli::command().find_subcommand("ctl").unwrap().clone();
        let help = ctl.render_long_help().to_string();
        assert!(!help.contains("--token <") && help.contains("HOMEPOT_TOKEN"), "{help}");
    }
}
