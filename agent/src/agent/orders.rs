//! How the agent handles commands: it writes to the journal first, and then answers or runs the command.

use homepot::model::{CommandId, CommandState, Delivery, Outcome};

use super::Agent;
use crate::{
    commands::{
        Arrival, Moment, Verdict,
        builtin::{Action, plan, pong},
        ledger::{Progress, TOO_LATE},
        program::{self, Cause},
        record::Received,
    },
    milliseconds, platform,
    protocol::Outgoing,
    state::Settings,
};

impl Agent {
    /// A session began. What an earlier run left waiting is held until the server hands it over again, which it does
    /// unless the time is over: then the server's clock ends it here.
    pub(super) fn say_how_commands_stand(&mut self) {
        if let Some(clock) = self.clock {
            // What the disk refuses goes on waiting; the book has said so.
            while let Ok(Some(outcome)) = self.book.expire_held(clock.welcome) {
                log_end(&outcome);
            }
        }
        self.messages = self.book.unfinished().filter_map(|(id, standing)| told(id, standing)).collect();
    }

    /// The server names commands that this journal has told it of. Where one is not in it, the journal is an older one, and
    /// what it does not know may have run: it becomes another journal, which the server hands nothing twice that must not
    /// run twice.
    pub(super) fn on_journal_check(&mut self, ids: &[CommandId]) {
        if self.book.knows_all(ids) {
            return;
        }
        self.journal_is_another = true;
        if let Err(error) = self.book.start_anew() {
            // Nothing of this session is taken, and the next one finds out again.
            tracing::error!(%error, "can't make another id for the command journal");
        }
        tracing::error!(
            journal_id = self.book.journal_id(),
            "the server knows commands of this journal that are not in it, as after a backup was put back: it goes on under \
            a new id, and commands that waited end as unknown"
        );
        self.messages = [Outgoing::AttachAgain { journal_id: self.book.journal_id().to_owned() }].into();
    }

    pub(super) fn on_delivery(&mut self, delivery: Delivery) {
        let (id, command_type) = (delivery.command_id, delivery.command_type.clone());
        let before = self.book.standing(id);
        // The arrival first: between the two a moment may pass, and it must count.
        let at = now(&self.boot_id);
        let since_boot = platform::since_boot();
        let under_way = self.clock.zip(delivery.server_time).map(|(clock, sent)| clock.under_way(sent, since_boot));
        let Ok(standing) = self.book.receive(Arrival { delivery, under_way, at }) else {
            // Not acknowledged: the server still has it.
            tracing::error!(command_id = %id, %command_type, "can't keep a command");
            return;
        };
        if matches!(before, Progress::New | Progress::Full) {
            tracing::info!(command_id = %id, %command_type, "command received");
        } else {
            tracing::info!(command_id = %id, %command_type, "command delivered again; answered from the journal");
        }
        match &standing {
            Progress::Ended(outcome) if !matches!(before, Progress::Ended(_)) => log_end(outcome),
            _ => {}
        }
        self.answer(id, standing);
    }

    pub(super) fn on_cancellation(&mut self, id: CommandId, reason: &str) {
        let Ok(standing) = self.book.cancel(id, reason) else {
            // Not answered: the server asks again in the next session.
            tracing::error!(command_id = %id, "can't keep that a command is cancelled");
            return;
        };
        tracing::info!(command_id = %id, reason, ?standing, "the server takes a command back");
        self.answer(id, standing);
    }

    pub(super) fn on_unreadable(&mut self, command_id: Option<CommandId>, reason: String) {
        tracing::warn!(?command_id, reason, "a command can't be read");
        if let Some(id) = command_id.filter(|id| self.book.standing(*id) == Progress::New) {
            self.tell(Outgoing::Outcome(Verdict::without_success(CommandState::Rejected, reason).of(id)));
        }
    }

    /// Ends what is too late, and starts what waits, oldest first, until one takes its time. Where the disk takes no
    /// record, nothing starts and nothing ends: it is tried again with the next event or sample.
    pub(super) fn start_next(&mut self) {
        while let Ok(Some(outcome)) = self.book.expire(&now(&self.boot_id)) {
            log_end(&outcome);
            self.tell(Outgoing::Outcome(outcome));
        }
        while self.running.is_none() {
            let Some(command) = self.book.next(&now(&self.boot_id)) else { return };
            if !self.start(&command) {
                return;
            }
        }
    }

    /// Starts or declines a command; `false`: the disk does not have it.
    fn start(&mut self, command: &Received) -> bool {
        let id = command.command_id;
        let action = match plan(command, &self.rules) {
            Ok(action) => action,
            Err(reason) => {
                let outcome = Verdict::without_success(CommandState::Rejected, reason).of(id);
                let Ok(outcome) = self.book.decline(outcome) else { return false };
                log_end(&outcome);
                self.tell(Outgoing::Outcome(outcome));
                return true;
            }
        };
        if self.book.start(id, &self.boot_id).is_err() {
            if let Progress::Ended(outcome) = self.book.standing(id) {
                log_end(&outcome);
                self.tell(Outgoing::Outcome(outcome));
            }
            return false;
        }
        // The disk may have taken its time, or the machine slept.
        if command.is_over(&now(&self.boot_id)) {
            self.on_end(id, Verdict::without_success(CommandState::Expired, TOO_LATE));
            return true;
        }
        self.tell(Outgoing::Started(id));
        match action {
            Action::Ping => self.on_end(id, pong()),
            Action::Diagnose => self.on_end(id, Verdict::succeeded(&self.collector.diagnostics())),
            Action::SetInterval(seconds) => {
                let verdict = self.set_interval(seconds);
                self.on_end(id, verdict);
            }
            Action::Run { rule, timeout, reboots } => {
                let cause = Cause { command_id: id, command_type: command.command_type.clone() };
                tracing::info!(command_id = %id, command_type = %cause.command_type, program = %rule.program.display(), "program starts");
                let run = async move { program::run(&rule, &cause, timeout, reboots).await };
                self.running = Some((id, tokio::spawn(run)));
            }
        }
        true
    }

    /// A command that had started ended.
    pub(super) fn on_end(&mut self, id: CommandId, verdict: Verdict) {
        let outcome = self.book.end(verdict.of(id));
        log_end(&outcome);
        self.tell(Outgoing::Outcome(outcome));
    }

    fn set_interval(&mut self, interval_seconds: Option<u64>) -> Verdict {
        let settings = Settings { interval_seconds };
        if let Err(error) = self.state.keep_settings(&settings) {
            return Verdict::without_success(CommandState::Failed, format!("can't keep the interval: {error}"));
        }
        self.settings = settings;
        let seconds = self.interval().as_secs_f64();
        Verdict::succeeded(&serde_json::json!({ "interval_seconds": seconds }))
    }

    fn answer(&mut self, id: CommandId, standing: Progress) {
        if let Some(message) = told(id, standing) {
            self.tell(message);
        }
    }

    /// Says something of a command, if there is a session; the next one is told anyway.
    fn tell(&mut self, message: Outgoing) {
        if self.outgoing.is_some() {
            self.messages.push_back(message);
        }
    }
}

/// What a session is told of a command that stands so.
fn told(id: CommandId, standing: Progress) -> Option<Outgoing> {
    match standing {
        Progress::Waiting => Some(Outgoing::Acknowledged(id)),
        Progress::Running => Some(Outgoing::Started(id)),
        Progress::Ended(outcome) => Some(Outgoing::Outcome(outcome)),
        Progress::New | Progress::Full => None,
    }
}

fn log_end(outcome: &Outcome) {
    let (state, reason) = (outcome.state.as_str(), &outcome.reason);
    tracing::info!(command_id = %outcome.command_id, state, reason, "command ended");
}

pub(super) fn now(boot_id: &str) -> Moment {
    let uptime_ms = milliseconds(platform::since_boot());
    Moment { wall: platform::wall_clock(), uptime_ms, boot_id: boot_id.to_owned() }
}
