//! Removals for good: whether to keep the history, and the confirmation.

use homepot::pb::registry::v1::History;

use super::{ask::confirm_id, status::Usage};

#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Removal {
    #[command(flatten)]
    fate: Fate,
    /// Confirm the removal by giving the id again, so that it need not be typed when asked.
    #[arg(long, value_name = "ID")]
    confirm: Option<String>,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Fate {
    /// Remove samples, state changes and commands too. The id is free afterwards.
    #[arg(long)]
    purge_history: bool,
    /// Keep samples, state changes and commands until their retention ends. They can be read by the id, which stays
    /// taken.
    #[arg(long)]
    keep_history: bool,
}

impl Removal {
    pub(crate) fn history(&self) -> History {
        if self.fate.keep_history { History::Keep } else { History::Purge }
    }

    /// What becomes of the history, in words for people and in one for scripts.
    pub(crate) fn fate(&self) -> (&'static str, &'static str) {
        if self.fate.keep_history { ("its history stays", "keep") } else { ("its history goes too", "purge") }
    }

    /// The id as it was given once more: with the command, or typed after `told`.
    pub(crate) fn confirm(&self, told: &str, id: &str) -> anyhow::Result<String> {
        match &self.confirm {
            Some(given) if given == id => {}
            Some(given) => return Err(Usage(format!("--confirm: '{given}' is not {id}; nothing was removed")).into()),
            None => confirm_id(told, id)?,
        }
        Ok(id.to_owned())
    }
}
