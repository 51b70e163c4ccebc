//! Sessions and the ledger under messages that are lost, doubled and reordered, and machines that crash, lose their disk and
//! take a device's session from one another: any sequence of such happenings, each from its seed, against the server's own
//! store functions over a real Postgres and the agent's own journal on a real disk. Only what lies between the two is
//! simulated, so that it can do its worst.

// The tests share the clock of the machine that they run on.
#![allow(clippy::disallowed_methods)]
// Helpers outside of test functions fail tests too.
#![allow(clippy::unwrap_used, missing_docs)]

mod database;
mod happening;

use std::{
    collections::{HashMap, VecDeque},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use chrono::Utc;
use homepot::model::{
    Command, CommandId, CommandState, CommandType, DeviceId, DeviceSource, Event, Hello, Holder, NewCommand, Outcome,
    SiteId, Standing, Step,
};
use homepot_agent::commands::{Book, Moment, ledger::Progress, record::Arrival};
use homepot_store::{
    PgConnection,
    commands::{self, Changed, Claim, NewRow, Speaker, Word},
    devices,
    sessions::{self, Begun, Stream},
};
use proptest::{prelude::*, sample::Index, test_runner::FileFailurePersistence};
use tempfile::TempDir;

use self::{
    database::{database, enrol},
    happening::{Happening, happening},
};

const MACHINES: usize = 2;
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A message on its way. It belongs to a session, and may arrive when that is long over.
#[derive(Clone, Debug)]
enum Message {
    Up { machine: usize, epoch: i64, command_id: CommandId, event: Event },
    Down { machine: usize, epoch: i64, what: Down },
}

#[derive(Clone, Debug)]
enum Down {
    Delivery(homepot::model::Delivery),
    Cancellation(CommandId, String),
    OutcomeAck(CommandId),
}

struct Machine {
    _disk: TempDir,
    journal: PathBuf,
    book: Book,
    boot: u32,
    /// The session it believes to hold.
    epoch: Option<i64>,
    running: Option<CommandId>,
    /// The journal and its mark.
    back_up: Option<(Vec<u8>, Vec<u8>)>,
}

impl Machine {
    fn new(boot: u32) -> Self {
        let disk = tempfile::tempdir().unwrap();
        let journal = disk.path().join("commands.journal");
        let book = Book::open(&journal, &moment(boot)).unwrap();
        Self { _disk: disk, journal, book, boot, epoch: None, running: None, back_up: None }
    }
}

/// As a new file, as it is when a backup is put back.
fn put_back(path: &Path, bytes: &[u8]) {
    let restored = path.with_extension("restored");
    std::fs::write(&restored, bytes).unwrap();
    std::fs::rename(&restored, path).unwrap();
}

/// No time passes in here: times to live have tests of their own.
fn moment(boot: u32) -> Moment {
    Moment { wall: Utc::now(), uptime_ms: 1_000, boot_id: format!("boot-{boot}") }
}

struct World<'a> {
    conn: &'a mut PgConnection,
    pk: i64,
    device_id: DeviceId,
    site_id: SiteId,
    machines: Vec<Machine>,
    boots: u32,
    under_way: VecDeque<Message>,
    queued: Vec<CommandId>,
    safe: HashMap<CommandId, bool>,
    /// How often a command had its effect, anywhere.
    runs: HashMap<CommandId, usize>,
}

impl<'a> World<'a> {
    fn new(conn: &'a mut PgConnection, name: &str) -> Self {
        let (device_id, site_id) = (DeviceId::parse(name).unwrap(), SiteId::parse("site").unwrap());
        let machines = (0..MACHINES).map(|number| Machine::new(u32::try_from(number).unwrap())).collect();
        let pk = devices::find_ref(conn, &device_id).unwrap().unwrap().pk;
        Self {
            conn,
            pk,
            device_id,
            site_id,
            machines,
            boots: 100,
            under_way: VecDeque::new(),
            queued: Vec::new(),
            safe: HashMap::new(),
            runs: HashMap::new(),
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Queue { safe } => self.queue(safe),
            Happening::Cancel(index) => self.cancel(&index),
            Happening::Attach(machine) => self.attach(machine),
            Happening::Hint(machine) => self.hint(machine),
            Happening::Arrive { message, doubled } => self.arrive(&message, doubled),
            Happening::Lose(index) => {
                if !self.under_way.is_empty() {
                    let lost = self.under_way.remove(index.index(self.under_way.len())).unwrap();
                    // A stream loses nothing in its middle: with a message goes the session.
                    let (Message::Up { machine, epoch, .. } | Message::Down { machine, epoch, .. }) = lost;
                    if self.machines[machine].epoch == Some(epoch) {
                        self.machines[machine].epoch = None;
                    }
                }
            }
            Happening::Work(machine) => self.work(machine),
            Happening::Finish(machine) => self.finish(machine),
            Happening::Crash { machine, boots } => self.crash(machine, boots),
            Happening::Replace(machine) => {
                self.boots += 1;
                self.machines[machine] = Machine::new(self.boots);
            }
            Happening::BackUp(machine) => {
                let machine = &mut self.machines[machine];
                let read = |path: &Path| std::fs::read(path).unwrap();
                machine.back_up = Some((read(&machine.journal), read(&machine.journal.with_extension("mark"))));
            }
            Happening::Restore { machine, whole } => {
                let Some((journal, mark)) = self.machines[machine].back_up.take() else { return };
                let path = self.machines[machine].journal.clone();
                put_back(&path, &journal);
                if whole {
                    put_back(&path.with_extension("mark"), &mark);
                }
                self.crash(machine, false);
            }
        }
    }

    fn queue(&mut self, safe: bool) {
        let command_id = CommandId(uuid::Uuid::now_v7());
        let command_type = CommandType::parse(if safe { "PING" } else { "RESTART_APP" }).unwrap();
        let row = NewRow {
            command_id,
            pk: self.pk,
            site_id: self.site_id.clone(),
            source: DeviceSource::Real,
            command: NewCommand {
                device_id: self.device_id.clone(),
                command_type,
                payload: None,
                idempotency_key: None,
                time_to_live: Duration::from_secs(24 * 3600),
                run_timeout: Duration::from_secs(60),
            },
            created_by: "admin".to_owned(),
            run_id: None,
            trace: None,
            epoch: None,
        };
        commands::insert(self.conn, &[row]).unwrap();
        self.queued.push(command_id);
        self.safe.insert(command_id, safe);
    }

    fn say(&mut self, speaker: Speaker, command_id: CommandId, event: Event) -> Changed {
        let reason = (speaker == Speaker::Operator).then(|| "cancelled".to_owned());
        let word = Word { command_id, speaker, event, result: None, reason };
        commands::change(self.conn, &[word]).unwrap().pop().unwrap()
    }

    fn cancel(&mut self, index: &Index) {
        if !self.queued.is_empty() {
            let command_id = *index.get(&self.queued);
            let changed = self.say(Speaker::Operator, command_id, Event::CancelAsked);
            if let Changed::Done(command) = changed
                && command.state == CommandState::Cancelled
            {
                assert_eq!(self.runs.get(&command_id), None, "cancelled at once, and it ran: {command:?}");
            }
        }
    }

    /// What the link and the agent do when a session begins.
    fn attach(&mut self, machine: usize) {
        let (boot, journal_id) = {
            let machine = &self.machines[machine];
            (machine.boot, machine.book.journal_id().to_owned())
        };
        let hello = Hello {
            agent_version: "1".to_owned(),
            boot_id: format!("boot-{boot}"),
            capabilities: vec![CommandType::parse("RESTART_APP").unwrap()],
            source: None,
            device_time: None,
            journal_id: Some(journal_id),
            since_boot: None,
            takes_releases: false,
        };
        let stream = Stream { opened: Instant::now(), is_open: &|| true };
        let begun = sessions::begin(self.conn, self.pk, &hello, "replica", HEARTBEAT, &stream).unwrap();
        let Begun::Epoch(epoch) = begun else { panic!("{begun:?}") };
        commands::give_up_lost(self.conn, self.pk, epoch).unwrap();
        let told = commands::told_by_journal(self.conn, self.pk, epoch).unwrap();
        if !self.machines[machine].book.knows_all(&told) {
            self.machines[machine].book.start_anew().unwrap();
            return self.attach(machine);
        }
        self.machines[machine].epoch = Some(epoch);
        let open: Vec<_> = self.machines[machine].book.unfinished().collect();
        for (command_id, known) in open {
            self.tell(machine, command_id, &known);
        }
        self.hint(machine);
    }

    fn hint(&mut self, machine: usize) {
        let Some(epoch) = self.machines[machine].epoch else { return };
        let handed = commands::claim(self.conn, &[Claim { pk: self.pk, epoch, again: false }]).unwrap().pop().unwrap();
        for delivery in handed.deliveries {
            self.under_way.push_back(Message::Down { machine, epoch, what: Down::Delivery(delivery) });
        }
        for (command_id, reason) in handed.cancellations {
            let what = Down::Cancellation(command_id, reason);
            self.under_way.push_back(Message::Down { machine, epoch, what });
        }
    }

    /// What the agent says of a command that stands so.
    fn tell(&mut self, machine: usize, command_id: CommandId, known: &Progress) {
        let Some(epoch) = self.machines[machine].epoch else { return };
        let event = match known {
            Progress::Waiting => Event::Acknowledged,
            Progress::Running => Event::Started,
            Progress::Ended(outcome) => Event::Ended(outcome.state),
            Progress::New | Progress::Full => return,
        };
        self.under_way.push_back(Message::Up { machine, epoch, command_id, event });
    }

    fn arrive(&mut self, index: &Index, doubled: bool) {
        if self.under_way.is_empty() {
            return;
        }
        let place = index.index(self.under_way.len());
        let message = self.under_way.remove(place).unwrap();
        if doubled {
            self.under_way.push_back(message.clone());
        }
        self.take(message);
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Up { machine, epoch, command_id, event } => {
                let speaker = Speaker::Session { pk: self.pk, epoch };
                let changed = self.say(speaker, command_id, event);
                // What a session hears that is not the newest is fenced off, and never acknowledged.
                let fenced = matches!(changed, Changed::Missing);
                if matches!(event, Event::Ended(_)) && !fenced {
                    self.under_way.push_back(Message::Down { machine, epoch, what: Down::OutcomeAck(command_id) });
                }
            }
            // A machine reads nothing from a session it no longer holds.
            Message::Down { machine, epoch, .. } if self.machines[machine].epoch != Some(epoch) => {}
            Message::Down { machine, what, .. } => self.take_down(machine, what),
        }
    }

    fn take_down(&mut self, machine: usize, what: Down) {
        let at = moment(self.machines[machine].boot);
        let book = &mut self.machines[machine].book;
        let (command_id, known) = match what {
            Down::Delivery(delivery) => {
                let command_id = delivery.command_id;
                (command_id, book.receive(Arrival { delivery, under_way: None, at }).unwrap())
            }
            Down::Cancellation(command_id, reason) => (command_id, book.cancel(command_id, &reason).unwrap()),
            Down::OutcomeAck(command_id) => return book.forget(command_id),
        };
        self.tell(machine, command_id, &known);
    }

    fn work(&mut self, number: usize) {
        let machine = &mut self.machines[number];
        if machine.running.is_some() {
            return;
        }
        let Some(next) = machine.book.next(&moment(machine.boot)) else { return };
        let command_id = next.command_id;
        machine.book.start(command_id, &format!("boot-{}", machine.boot)).unwrap();
        machine.running = Some(command_id);
        *self.runs.entry(command_id).or_default() += 1;
        self.tell(number, command_id, &Progress::Running);
    }

    fn finish(&mut self, number: usize) {
        let machine = &mut self.machines[number];
        let Some(command_id) = machine.running.take() else { return };
        let outcome = Outcome { command_id, state: CommandState::Succeeded, result: None, reason: None };
        let outcome = machine.book.end(outcome);
        self.tell(number, command_id, &Progress::Ended(outcome));
    }

    fn crash(&mut self, number: usize, boots: bool) {
        let machine = &mut self.machines[number];
        if boots {
            self.boots += 1;
            machine.boot = self.boots;
        }
        machine.epoch = None;
        machine.running = None;
        // The old one's file is closed by being replaced; nothing was kept back that a crash could lose.
        machine.book = Book::open(&machine.journal, &moment(machine.boot)).unwrap();
    }

    /// Lets everything come to rest: one machine after the other holds the session until nothing moves any more.
    fn settle(&mut self) {
        for machine in (0..MACHINES).cycle().take(2 * MACHINES) {
            self.attach(machine);
            for _ in 0..1_000 {
                self.hint(machine);
                let before = self.under_way.len();
                while let Some(message) = self.under_way.pop_front() {
                    self.take(message);
                }
                self.work(machine);
                self.finish(machine);
                if before == 0 && self.under_way.is_empty() {
                    break;
                }
            }
        }
        assert!(self.under_way.is_empty(), "messages never end: {:?}", self.under_way);
        let later = Utc::now() + chrono::TimeDelta::days(31);
        while commands::sweep(self.conn, Some(later), 1_000).unwrap() != commands::Swept::default() {}
    }

    fn check(&mut self) {
        for command_id in self.queued.clone() {
            let command = commands::find(self.conn, command_id).unwrap().unwrap();
            let (runs, safe) = (self.runs.get(&command_id).copied().unwrap_or_default(), self.safe[&command_id]);
            assert!(command.state.is_end(), "no end: {command:?}");
            assert!(safe || runs <= 1, "ran {runs} times: {command:?}");
            match command.state {
                CommandState::Succeeded => assert!(runs > 0, "succeeded and never ran: {command:?}"),
                CommandState::Cancelled | CommandState::Expired | CommandState::Rejected => {
                    assert_eq!(runs, 0, "it ran: {command:?}");
                }
                _ => {}
            }
            check_history(&command);
        }
    }
}

/// Each step is one that some event makes, and time goes forward.
fn check_history(command: &Command) {
    assert_eq!(command.history[0].state, CommandState::Queued);
    assert_eq!(command.history.last().unwrap().state, command.state);
    assert!(command.history.is_sorted_by_key(|step| step.time), "time goes back: {command:?}");
    for pair in command.history.windows(2) {
        let events = CommandState::ALL.into_iter().map(Event::Ended).chain([
            Event::HandedOver,
            Event::Acknowledged,
            Event::Started,
            Event::CancelAsked,
            Event::TimeToLiveOver,
            Event::BoundOver,
            Event::JournalLost,
        ]);
        let standing = Standing { state: pair[0].state, holder: Holder::Session, cancel_requested: true };
        let legal = events.into_iter().any(|event| standing.on(event) == Ok(Step::To(pair[1].state)));
        assert!(legal, "an illegal step: {command:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100),
        max_shrink_iters: 2_000,
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_the_ledger_tells_the_truth_and_nothing_unsafe_runs_twice(
        happenings in prop::collection::vec(happening(), 1..60),
    ) {
        let mut conn = database().connect();
        let name = uuid::Uuid::now_v7().to_string();
        enrol(&mut conn, &name);
        let mut world = World::new(&mut conn, &name);
        for happening in happenings {
            world.happen(happening);
        }
        world.settle();
        world.check();
    }
}
