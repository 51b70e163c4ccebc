//! The ledger with its journal: nothing counts before it is on disk.

use std::{io, path::Path};

use chrono::{DateTime, Utc};
use homepot::model::{CommandId, CommandState, Outcome};

use super::{
    journal::{Found, Journal},
    ledger::{Ledger, Standing, TOO_LATE},
    record::{Arrival, Moment, Received, Record},
};
use crate::state::disk;

/// The ledger with its journal.
#[derive(Debug)]
pub struct Book {
    journal: Journal,
    journal_id: String,
    ledger: Ledger,
    /// The disk refused the last record. Told once, not with each attempt.
    fails: bool,
    /// What the ledger holds has to be written as a whole before anything else.
    unwritten: bool,
}

impl Book {
    /// Opens the journal and settles what an earlier run left in the middle.
    ///
    /// A journal that is new, of the former format or damaged gets an id. After damage it is another one than before: a lost
    /// line may have told that a command started, so that whatever waits ends as unknown, and the server must not hand over
    /// again what it can't hand over twice.
    pub fn open(path: &Path, now: &Moment) -> io::Result<Self> {
        let (journal, found) = Journal::open(path)?;
        let damaged = found.damaged > 0;
        let known = journal_id(&found).filter(|_| !damaged);
        if found.torn > 0 {
            tracing::warn!(
                torn_bytes = found.torn,
                "the command journal's last record was cut short and never counted"
            );
        }
        let mut ledger = Ledger::default();
        found.records.into_iter().for_each(|record| ledger.apply(record, false));
        let lacking = ledger.recover(now, damaged);
        let is_known = known.is_some();
        let journal_id = known.map_or_else(random_id, Ok)?;
        let mut book = Self { journal, journal_id, ledger, fails: false, unwritten: false };
        if is_known {
            // Where the disk takes none of it, the next start comes to the same.
            lacking.into_iter().for_each(|record| book.insist(record));
            return Ok(book);
        }
        if damaged {
            tracing::error!(
                damaged_lines = found.damaged,
                journal_id = book.journal_id,
                "the command journal was damaged: commands that waited end as unknown, and it goes on under a new id"
            );
        }
        lacking.into_iter().for_each(|record| book.ledger.apply(record, true));
        match book.compact() {
            Err(error) if disk::fails(&error) => {
                tracing::error!(%error, "can't begin a command journal; no command starts until it can be written");
                (book.unwritten, book.fails) = (true, true);
            }
            done => done?,
        }
        Ok(book)
    }

    /// Writes the journal anew where somebody removed it.
    pub fn put_back(&mut self) {
        if let Err(error) = self.ensure() {
            tracing::debug!(%error, "can't write the command journal anew; it is tried again");
        }
    }

    /// Names the journal, for Hello.
    pub fn journal_id(&self) -> &str {
        &self.journal_id
    }

    /// A command arrived, for the first time or again. How it stands now is to be answered; after an error nothing is.
    pub fn receive(&mut self, arrival: Arrival) -> io::Result<Standing> {
        let id = arrival.delivery.command_id;
        self.ledger.on_arrival(arrival).map_or(Ok(()), |record| self.write(record))?;
        Ok(self.standing(id))
    }

    /// The server takes a command back. How it stands now is to be answered; after an error nothing is.
    pub fn cancel(&mut self, id: CommandId, reason: &str) -> io::Result<Standing> {
        self.ledger.on_cancellation(id, reason).map_or(Ok(()), |record| self.write(record))?;
        Ok(self.standing(id))
    }

    /// A command starts. After an error it must not.
    pub fn start(&mut self, command_id: CommandId, boot_id: &str) -> io::Result<()> {
        self.write(Record::Started { command_id, boot_id: boot_id.to_owned() })
    }

    /// A command that never started ended. After an error it still waits, and nothing may be told.
    pub fn decline(&mut self, outcome: Outcome) -> io::Result<Outcome> {
        self.write(Record::ended(outcome.clone()))?;
        Ok(outcome)
    }

    /// A command that had started ended. It did so even where the disk won't have it: then a restart calls it unknown.
    pub fn end(&mut self, outcome: Outcome) -> Outcome {
        let outcome = self.ledger.fitting(outcome);
        self.insist(Record::ended(outcome.clone()));
        outcome
    }

    /// Ends one of the commands that wait and whose time is over; `None`: there is none left.
    pub fn expire(&mut self, now: &Moment) -> io::Result<Option<Outcome>> {
        self.ledger.overdue(now).map(|id| self.decline(expired(id))).transpose()
    }

    /// Ends one of the commands that an earlier run left, by the server's clock; `None`: there is none left.
    pub fn expire_held(&mut self, server_time: DateTime<Utc>) -> io::Result<Option<Outcome>> {
        self.ledger.overdue_at(server_time).map(|id| self.decline(expired(id))).transpose()
    }

    /// The server knows how a command ended.
    pub fn forget(&mut self, command_id: CommandId) {
        let Some(outcome) = self.ledger.unacknowledged(command_id) else { return };
        self.insist(Record::Forgotten { command_id, state: outcome.state, reason: outcome.reason.clone() });
    }

    /// How a command stands.
    pub fn standing(&self, id: CommandId) -> Standing {
        self.ledger.standing(id)
    }

    /// See [`Ledger::next`].
    pub fn next(&self, now: &Moment) -> Option<Received> {
        self.ledger.next(now).cloned()
    }

    /// See [`Ledger::open`].
    pub fn unfinished(&self) -> impl Iterator<Item = (CommandId, Standing)> {
        self.ledger.open()
    }

    /// See [`Ledger::pending_outcomes`].
    pub fn pending_outcomes(&self) -> usize {
        self.ledger.pending_outcomes()
    }

    fn write(&mut self, record: Record) -> io::Result<()> {
        let mut written = self.ensure().and_then(|()| self.journal.append(&record));
        if written.is_err() && self.journal.wants_compaction() && self.compact().is_ok() {
            written = self.journal.append(&record);
        }
        match &written {
            Err(error) if !self.fails => {
                tracing::error!(%error, "can't write to the command journal; no command starts until it can be written");
            }
            Ok(()) if self.fails => tracing::info!("the command journal is written again"),
            _ => {}
        }
        self.fails = written.is_err();
        written?;
        self.ledger.apply(record, true);
        if self.journal.wants_compaction()
            && let Err(error) = self.compact()
        {
            tracing::warn!(%error, "can't compact the command journal; it goes on growing");
        }
        Ok(())
    }

    /// Has the journal hold what the ledger does, before more is added.
    fn ensure(&mut self) -> io::Result<()> {
        if self.journal.is_gone() && !self.unwritten {
            tracing::error!("the command journal was removed or replaced while the agent runs; it is written anew");
            self.unwritten = true;
        }
        if self.unwritten {
            self.compact()?;
            self.unwritten = false;
        }
        Ok(())
    }

    fn compact(&mut self) -> io::Result<()> {
        let mut records = vec![Record::Journal { journal_id: self.journal_id.clone() }];
        records.extend(self.ledger.records());
        self.journal.compact(&records)
    }

    fn insist(&mut self, record: Record) {
        if self.write(record.clone()).is_err() {
            self.ledger.apply(record, true);
        }
    }
}

fn journal_id(found: &Found) -> Option<String> {
    found.records.iter().find_map(|record| match record {
        Record::Journal { journal_id } => Some(journal_id.clone()),
        _ => None,
    })
}

fn random_id() -> io::Result<String> {
    let word = || getrandom::u64().map_err(io::Error::other);
    Ok(format!("{:016x}{:016x}", word()?, word()?))
}

fn expired(command_id: CommandId) -> Outcome {
    Outcome { command_id, state: CommandState::Expired, result: None, reason: Some(TOO_LATE.to_owned()) }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;
