//! The ledger with its journal: nothing counts before it is on disk.

use std::{io, path::Path};

use chrono::{DateTime, Utc};
use homepot::model::{CommandId, CommandState, Outcome};

use super::{
    journal::{Found, Journal},
    ledger::{BEHIND, DAMAGED, Ledger, Progress, TOO_LATE},
    mark::Mark,
    record::{Arrival, Moment, Received, Record},
};
use crate::state::disk;

/// The reason of a command that did not start because its start could not be noted.
const NOT_MARKED: &str = "it did not start: the state directory can't be written";

/// The ledger with its journal.
#[derive(Debug)]
pub struct Book {
    journal: Journal,
    mark: Mark,
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
    /// A journal that is new, of the former format, damaged, or without records that it once had gets an id. After damage or
    /// loss it is another one than before: a lost line may have told that a command started, so that whatever waits ends as
    /// unknown, and the server must not hand over again what it can't hand over twice.
    pub fn open(path: &Path, now: &Moment) -> io::Result<Self> {
        let (journal, found) = Journal::open(path)?;
        let (mark, marked) = Mark::open(&path.with_extension("mark"));
        let head = head(&found);
        let has_mark = head.as_ref().is_some_and(|head| head.has_mark);
        let fault = match &head {
            Some(_) if found.damaged > 0 => Some(("it is damaged", DAMAGED)),
            Some(head) => marked.fault(&head.journal_id, journal.position(), has_mark).map(|fault| (fault, BEHIND)),
            None => (found.damaged > 0).then_some(("it is damaged", DAMAGED)),
        };
        if found.torn > 0 {
            tracing::warn!(
                torn_bytes = found.torn,
                "the command journal's last record was cut short and never counted"
            );
        }
        let damaged_lines = found.damaged;
        let mut ledger = Ledger::default();
        found.records.into_iter().for_each(|record| ledger.apply(record, false));
        let lacking = ledger.recover(now, fault.map(|(_, reason)| reason));
        let known = head.map(|head| head.journal_id).filter(|_| fault.is_none());
        let is_known = known.is_some();
        let journal_id = known.map_or_else(random_id, Ok)?;
        let mut book = Self { journal, mark, journal_id, ledger, fails: false, unwritten: false };
        if let Some((fault, _)) = fault {
            tracing::error!(
                fault,
                damaged_lines,
                journal_id = book.journal_id,
                "the command journal can't be believed: commands that waited end as unknown, and it goes on under a new id"
            );
        }
        if is_known {
            // Where the disk takes none of it, the next start comes to the same.
            lacking.into_iter().for_each(|record| book.insist(record));
            // A journal of an agent that kept no mark gets one; until the disk takes that, it is one of before.
            if !has_mark && let Err(error) = book.mark().and_then(|()| book.compact()) {
                tracing::warn!(%error, "can't write a mark beside the command journal");
            }
            return Ok(book);
        }
        lacking.into_iter().for_each(|record| book.ledger.apply(record, true));
        // The mark before the journal says that it has one.
        match book.mark().and_then(|()| book.compact()) {
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
    pub fn receive(&mut self, arrival: Arrival) -> io::Result<Progress> {
        let id = arrival.delivery.command_id;
        self.ledger.on_arrival(arrival).map_or(Ok(()), |record| self.write(record))?;
        Ok(self.standing(id))
    }

    /// The server takes a command back. How it stands now is to be answered; after an error nothing is.
    pub fn cancel(&mut self, id: CommandId, reason: &str) -> io::Result<Progress> {
        self.ledger.on_cancellation(id, reason).map_or(Ok(()), |record| self.write(record))?;
        Ok(self.standing(id))
    }

    /// Whether the journal has all of these, which it told the server that it has.
    pub fn knows_all(&self, ids: &[CommandId]) -> bool {
        ids.iter().all(|id| !matches!(self.standing(*id), Progress::New | Progress::Full))
    }

    /// The journal lacks commands that it once had. It goes on as another one, and whatever waits ends as unknown, even where
    /// the disk does not take that: then the next run finds out again.
    pub fn start_anew(&mut self) -> io::Result<()> {
        self.journal_id = random_id()?;
        for record in self.ledger.distrusted(BEHIND) {
            self.ledger.apply(record, true);
        }
        if let Err(error) = self.mark().and_then(|()| self.compact()) {
            tracing::error!(%error, "can't write the command journal under its new id");
        }
        Ok(())
    }

    /// A command starts. After an error it must not; then it goes on waiting, or has ended.
    pub fn start(&mut self, command_id: CommandId, boot_id: &str) -> io::Result<()> {
        let may_run_twice = self.ledger.is_safe_to_repeat(command_id);
        self.write(Record::Started { command_id, boot_id: boot_id.to_owned() })?;
        if may_run_twice {
            return Ok(());
        }
        self.mark().inspect_err(|error| {
            tracing::error!(%error, "can't write the mark of the command journal; nothing starts that must not run twice");
            let reason = Some(NOT_MARKED.to_owned());
            self.insist(Record::ended(Outcome { command_id, state: CommandState::Failed, result: None, reason }));
        })
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
    pub fn standing(&self, id: CommandId) -> Progress {
        self.ledger.standing(id)
    }

    /// See [`Ledger::next`].
    pub fn next(&self, now: &Moment) -> Option<Received> {
        self.ledger.next(now).cloned()
    }

    /// See [`Ledger::open`].
    pub fn unfinished(&self) -> impl Iterator<Item = (CommandId, Progress)> {
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
            self.mark()?;
            self.compact()?;
            self.unwritten = false;
        }
        Ok(())
    }

    fn mark(&mut self) -> io::Result<()> {
        self.mark.set(&self.journal_id, self.journal.position())
    }

    fn compact(&mut self) -> io::Result<()> {
        let mut records = vec![Record::Journal { journal_id: self.journal_id.clone(), position: None }];
        records.extend(self.ledger.records());
        self.journal.compact(records)
    }

    fn insist(&mut self, record: Record) {
        if self.write(record.clone()).is_err() {
            self.ledger.apply(record, true);
        }
    }
}

/// A journal's first record.
struct Head {
    journal_id: String,
    /// It is of an agent that keeps a mark beside it.
    has_mark: bool,
}

fn head(found: &Found) -> Option<Head> {
    found.records.iter().find_map(|record| match record {
        Record::Journal { journal_id, position } => {
            Some(Head { journal_id: journal_id.clone(), has_mark: position.is_some() })
        }
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
