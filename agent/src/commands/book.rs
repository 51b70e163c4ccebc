//! The ledger with its journal: nothing counts before it is on disk.

use std::{io, path::Path};

use homepot::model::{CommandId, Delivery, Outcome};

use super::{
    journal::Journal,
    ledger::{Ledger, Standing},
    record::{Moment, Received, Record},
};

/// The ledger with its journal.
#[derive(Debug)]
pub struct Book {
    journal: Journal,
    ledger: Ledger,
}

impl Book {
    /// Opens the journal and settles what an earlier run left in the middle.
    pub fn open(path: &Path, now: &Moment) -> io::Result<Self> {
        let (journal, found) = Journal::open(path)?;
        if found.torn > 0 || found.damaged > 0 {
            tracing::warn!(torn_bytes = found.torn, damaged_lines = found.damaged, "the command journal was damaged");
        }
        let mut ledger = Ledger::default();
        found.records.into_iter().for_each(|record| ledger.apply(record, false));
        let mut book = Self { journal, ledger };
        for record in book.ledger.recover(now) {
            book.write(record)?;
        }
        if found.damaged > 0 {
            book.journal.compact(&book.ledger.records())?;
        }
        Ok(book)
    }

    /// A command arrived.
    pub fn receive(&mut self, delivery: Delivery, at: Moment) -> io::Result<()> {
        self.write(Record::Received(Received::new(delivery, at)))
    }

    /// A command starts.
    pub fn start(&mut self, command_id: CommandId, boot_id: &str) -> io::Result<()> {
        self.write(Record::Started { command_id, boot_id: boot_id.to_owned() })
    }

    /// A command ended. It did so even where the disk won't have it: then a restart calls it unknown.
    pub fn end(&mut self, outcome: Outcome) {
        self.insist(Record::ended(outcome));
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
    pub fn next(&self, now: &Moment) -> Option<(Received, bool)> {
        self.ledger.next(now).map(|(received, too_late)| (received.clone(), too_late))
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
        self.journal.append(&record)?;
        self.ledger.apply(record, true);
        if self.journal.wants_compaction()
            && let Err(error) = self.journal.compact(&self.ledger.records())
        {
            tracing::warn!(%error, "can't compact the command journal; it goes on growing");
        }
        Ok(())
    }

    fn insist(&mut self, record: Record) {
        if let Err(error) = self.write(record.clone()) {
            tracing::error!(%error, "can't write to the command journal");
            self.ledger.apply(record, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::Utc;
    use homepot::model::{CommandState, CommandType};

    use super::*;

    fn now(boot: &str) -> Moment {
        Moment { wall: Utc::now(), uptime_ms: 1_000, boot_id: boot.to_owned() }
    }

    fn delivery(command_type: &str) -> Delivery {
        Delivery {
            command_id: CommandId(uuid::Uuid::from_u128(1)),
            command_type: CommandType::parse(command_type).unwrap(),
            payload: None,
            time_to_live: Duration::from_secs(600),
            run_timeout: Duration::from_secs(1),
            created_at: Utc::now(),
            server_time: None,
        }
    }

    fn outcome(book: &Book) -> Option<CommandState> {
        match book.standing(CommandId(uuid::Uuid::from_u128(1))) {
            Standing::Ended(outcome) => Some(outcome.state),
            _ => None,
        }
    }

    /// Every point at which the process can vanish, and what the next run makes of it.
    #[test]
    fn at_every_crash_point_the_command_is_settled_once_and_stays_so() {
        let id = delivery("REBOOT").command_id;
        for (steps, boot, expected) in [
            (1, "a", None),
            (2, "a", Some(CommandState::Unknown)),
            (2, "b", Some(CommandState::Succeeded)),
            (3, "a", Some(CommandState::Failed)),
            (4, "b", Some(CommandState::Failed)),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("commands.journal");
            let mut book = Book::open(&path, &now("a")).unwrap();
            book.receive(delivery("REBOOT"), now("a")).unwrap();
            if steps >= 2 {
                book.start(id, "a").unwrap();
            }
            if steps >= 3 {
                book.end(Outcome { command_id: id, state: CommandState::Failed, result: None, reason: None });
            }
            if steps >= 4 {
                book.forget(id);
            }
            drop(book);
            for _ in 0..2 {
                let book = Book::open(&path, &now(boot)).unwrap();
                assert_eq!(outcome(&book), expected, "{steps} steps, boot {boot}");
                assert_eq!(book.next(&now(boot)).is_some(), steps == 1);
                assert_eq!(book.pending_outcomes(), usize::from((2..4).contains(&steps)));
            }
        }
    }
}
