//! `homepot ctl completions`: what makes the Tab key know the command line, and the ids that the server has.
//!
//! The scripts are those that clap writes, and functions beside them that ask `homepot ctl __complete` for ids. clap's own way
//! to complete values is not stable yet.

use std::{process::ExitCode, time::Duration};

use homepot::pb::{command::v1 as command_pb, registry::v1 as pb};

use super::kit::{calls::all, connection::Connection, context::Contexts, fleet, out::Out};
use crate::client::Client;

pub(super) const AFTER_HELP: &str = "\
Install it once:
  bash  homepot ctl completions bash > ~/.local/share/bash-completion/completions/homepot
  zsh   homepot ctl completions zsh > ~/.zfunc/_homepot    (with fpath+=~/.zfunc before compinit in ~/.zshrc)
  fish  homepot ctl completions fish > ~/.config/fish/completions/homepot.fish

The Tab key also completes ids. It asks the server of the current context or of the variables for them, for at most a \
second.";

/// Whoever pressed the key waits.
const DEADLINE: Duration = Duration::from_secs(1);
/// Ids that are looked through.
const MOST: u32 = 5_000;

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

/// Kinds of records that have ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Of {
    /// Sites.
    Sites,
    /// Devices.
    Devices,
    /// Runs.
    Runs,
    /// Enrolment tokens.
    Tokens,
    /// Operators.
    Operators,
    /// Contexts of this machine.
    Contexts,
}

/// The request of a completion script.
#[derive(Debug, clap::Args)]
pub(super) struct IdsArgs {
    /// Ids of what.
    of: Of,
    /// What the ids begin with.
    #[arg(default_value = "")]
    prefix: String,
}

pub(super) fn run(out: &Out, shell: Shell, mut command: clap::Command) -> anyhow::Result<ExitCode> {
    let generator = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut command, "homepot", &mut script);
    let script = String::from_utf8_lossy(&script);
    let script = match shell {
        Shell::Bash => format!("{script}\n{BASH}"),
        Shell::Zsh => zsh(&script),
        Shell::Fish => format!("{script}\n{}", fish()),
    };
    out.write(&[script.trim_end().to_owned()])?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the ids, one a line. Whatever goes wrong is nothing to write: nobody asked a question.
pub(super) async fn ids(connection: &Connection, out: &Out, args: IdsArgs) -> anyhow::Result<ExitCode> {
    let look_up = async {
        match args.of {
            Of::Contexts => Ok(Contexts::read()?.all.into_keys().collect()),
            of => look_up(&connection.open(Duration::ZERO).await?, of).await,
        }
    };
    if let Ok(Ok(mut ids)) = tokio::time::timeout(DEADLINE, look_up).await {
        ids.retain(|id: &String| id.starts_with(&args.prefix));
        out.write(&ids)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn look_up(client: &Client, of: Of) -> anyhow::Result<Vec<String>> {
    let mut registry = client.registry();
    let most = Some(MOST);
    match of {
        Of::Devices => {
            let devices = fleet::devices(client, pb::ListDevicesRequest::default(), most).await?;
            Ok(devices.into_iter().map(|device| device.device_id).collect())
        }
        Of::Sites => {
            let sites = all(most, async |page_size, page_token| {
                let page = registry.list_sites(pb::ListSitesRequest { page_size, page_token }).await?.into_inner();
                Ok((page.sites.into_iter().map(|site| site.site_id).collect(), page.next_page_token))
            });
            sites.await
        }
        Of::Runs => {
            let runs = all(most, async |page_size, page_token| {
                let request = command_pb::ListRunsRequest { page_size, page_token, ..Default::default() };
                let page = client.command().list_runs(request).await?.into_inner();
                Ok((page.runs.into_iter().map(|run| run.run_id).collect(), page.next_page_token))
            });
            runs.await
        }
        Of::Tokens => {
            let tokens = all(most, async |page_size, page_token| {
                let request = pb::ListEnrollmentTokensRequest { page_size, page_token, ..Default::default() };
                let page = registry.list_enrollment_tokens(request).await?.into_inner();
                let ids = page.enrollment_tokens.into_iter().map(|token| token.token_id);
                Ok((ids.collect(), page.next_page_token))
            });
            tokens.await
        }
        Of::Operators => {
            let operators = all(most, async |page_size, page_token| {
                let request = pb::ListOperatorsRequest { page_size, page_token };
                let page = registry.list_operators(request).await?.into_inner();
                Ok((page.operators.into_iter().map(|operator| operator.name).collect(), page.next_page_token))
            });
            operators.await
        }
        Of::Contexts => Ok(Vec::new()),
    }
}

/// Ids in place of what clap's function offers where the word is one of an id.
const BASH: &str = r#"_homepot_or_ids() {
    _homepot "$@"
    [[ ${COMP_WORDS[1]-} == ctl ]] || return 0
    local word="${COMP_WORDS[COMP_CWORD]}" of=""
    case "${COMP_WORDS[COMP_CWORD-1]}" in
        --device) of=devices ;;
        --site) of=sites ;;
        --run) of=runs ;;
        --context) of=contexts ;;
        *)
            [[ $word == -* || COMP_CWORD -lt 3 ]] && return 0
            case "${COMP_WORDS[2]} ${COMP_WORDS[3]}" in
                latest\ *) of=devices ;;
                *) [[ COMP_CWORD -lt 4 ]] && return 0 ;;
            esac
            case "${COMP_WORDS[2]} ${COMP_WORDS[3]}" in
                "devices summary" | "devices remove-simulated") ;;
                devices\ * | "samples list" | "commands queue" | "commands list") of=devices ;;
                "sites list" | "sites create") ;;
                sites\ *) of=sites ;;
                "runs start" | "runs list") ;;
                runs\ *) of=runs ;;
                "tokens revoke") of=tokens ;;
                "operators revoke" | "operators rotate") of=operators ;;
                "contexts use" | "contexts set" | "contexts remove") of=contexts ;;
            esac
            ;;
    esac
    [[ -n $of ]] || return 0
    local ids
    ids="$(command "$1" ctl __complete "$of" "$word" 2>/dev/null)"
    [[ -z $ids ]] || COMPREPLY=($(compgen -W "$ids" -- "$word"))
}
complete -F _homepot_or_ids -o bashdefault -o default homepot
"#;

/// Kinds of records, by the text of their arguments in clap's script for zsh.
const NAMED: [(&str, &str); 11] = [
    (":DEVICE_ID:", "devices"),
    (":device_id -- The device", "devices"),
    ("::device_ids -- ", "devices"),
    (":SITE_ID:", "sites"),
    (":site_id -- The site", "sites"),
    (":RUN_ID:", "runs"),
    (":run_id -- The run", "runs"),
    (":token_id -- ", "tokens"),
    (":name -- The operator", "operators"),
    (":name -- The context", "contexts"),
    ("--context=", "contexts"),
];

/// clap's functions complete a value as if it were a file; those of ids ask for them.
fn zsh(script: &str) -> String {
    let asks_for_ids = |line: &str| match NAMED.iter().find(|(mark, _)| line.contains(mark)) {
        Some((_, of)) => line.replace(":_default'", &format!(":_homepot_{of}'")),
        None => line.to_owned(),
    };
    let lines: Vec<_> = script.lines().map(asks_for_ids).collect();
    let asks = ["devices", "sites", "runs", "tokens", "operators", "contexts"].map(|of| {
        format!(
            "_homepot_{of}() {{\n    local -a ids\n    ids=(${{(f)\"$(command homepot ctl __complete {of} \"$PREFIX\" \
             2>/dev/null)\"}})\n    compadd -a ids\n}}\n"
        )
    });
    lines.join("\n").replacen("if [ \"$funcstack", &format!("{}\nif [ \"$funcstack", asks.concat()), 1)
}

/// Ids by the words that stand on the line already.
const FISH: [(&str, &str, &str); 9] = [
    ("devices", "devices", "get label maintenance activate deactivate history rotate-key revoke-keys remove"),
    ("devices", "samples", "list"),
    ("devices", "commands", "queue list"),
    ("devices", "latest", "latest"),
    ("sites", "sites", "get update remove"),
    ("runs", "runs", "get devices pause resume cancel wait"),
    ("operators", "operators", "revoke rotate"),
    ("tokens", "tokens", "revoke"),
    ("contexts", "contexts", "use set remove"),
];

fn fish() -> String {
    let ids = |of: &str| format!("-a \"(command homepot ctl __complete {of} (commandline -ct) 2>/dev/null)\"");
    let by_words = FISH.map(|(of, noun, actions)| {
        let seen = "__fish_seen_subcommand_from";
        format!("complete -c homepot -n \"{seen} ctl; and {seen} {noun}; and {seen} {actions}\" -f {}\n", ids(of))
    });
    let flags = [("device", "devices"), ("site", "sites"), ("run", "runs"), ("context", "contexts")];
    let by_flags = flags.map(|(flag, of)| {
        format!("complete -c homepot -n \"__fish_seen_subcommand_from ctl\" -l {flag} -x {}\n", ids(of))
    });
    by_words.concat() + &by_flags.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zsh_asks_for_ids_where_there_are_some_and_not_for_those_that_are_yet_to_be_made() {
        let script =
            "':site_id -- The site:_default' \\\n':site_id -- Its id\\: new:_default' \\\nif [ \"$funcstack\" ]";
        let made = zsh(script);
        assert!(
            made.contains("':site_id -- The site:_homepot_sites' \\\n':site_id -- Its id\\: new:_default'"),
            "{made}"
        );
        let asks = made.find("_homepot_sites() {").unwrap();
        assert!(asks < made.find("if [ \"$funcstack").unwrap(), "a function stands before it is called: {made}");
    }
}
