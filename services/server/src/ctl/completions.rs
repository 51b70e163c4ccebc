//! `homepot ctl completions`: what makes the Tab key know the command line.

use std::process::ExitCode;

use super::out::Out;

pub(super) const AFTER_HELP: &str = "\
Install it once:
  bash  homepot ctl completions bash > ~/.local/share/bash-completion/completions/homepot
  zsh   homepot ctl completions zsh > ~/.zfunc/_homepot    (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  fish  homepot ctl completions fish > ~/.config/fish/completions/homepot.fish";

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Shell {
    /// GNU Bash.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

pub(super) fn run(out: &Out, shell: Shell, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "homepot", &mut script);
    out.write(&[String::from_utf8_lossy(&script).trim_end().to_owned()])?;
    Ok(ExitCode::SUCCESS)
}
