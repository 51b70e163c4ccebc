//! Property test: random events in any order, checked against a model that knows the true time and what really ran.

use std::{fs, path::PathBuf, time::Duration};

use chrono::{DateTime, TimeDelta};
use homepot::model::{CommandType, Delivery};
use proptest::{prelude::*, sample::Index};
use tempfile::TempDir;

use super::*;
use crate::protocol::clock::ServerClock;

const COMMANDS: usize = 2;

#[derive(Clone, Debug)]
enum Happening {
    /// The server hands a command over, for the first time or again.
    HandOver(usize),
    /// The server takes one back.
    Cancel(usize),
    /// One of the messages that are under way arrives; in any order.
    Arrive(Index),
    /// The agent gets to what waits.
    Work,
    /// What runs ends.
    Finish,
    /// The server acknowledges an outcome.
    Acknowledge(usize),
    /// Nothing, for so many milliseconds; the machine may be asleep.
    Pass(u64),
    /// A session begins, with Hello and Welcome so long under way.
    Attach(u64, u64),
    /// The process ends, in the middle of the last of what it wrote while it did something.
    Crash { doing: Box<Happening>, written: Index, boots: bool, wall: i64 },
    /// The same, and on top of it a bit flips on the disk.
    Damage { place: Index },
    /// Someone keeps a copy of the files.
    BackUp,
    /// The process ends, and files are put back as they were when they were last copied.
    Restore(Restored),
}

#[derive(Clone, Copy, Debug)]
enum Restored {
    /// The journal without its mark.
    Journal,
    /// Both, as new files.
    Files,
    /// The disk itself goes back in time, so that nothing on it can tell.
    Disk,
}

/// Files as they were, and what was true then.
struct BackUp {
    journal: Vec<u8>,
    mark: Vec<u8>,
    knew: Vec<bool>,
    runs: Vec<usize>,
}

fn happening() -> impl Strategy<Value = Happening> {
    let simple = prop_oneof![
        4 => (0..COMMANDS).prop_map(Happening::HandOver),
        2 => (0..COMMANDS).prop_map(Happening::Cancel),
        6 => any::<Index>().prop_map(Happening::Arrive),
        4 => Just(Happening::Work),
        3 => Just(Happening::Finish),
        2 => (0..COMMANDS).prop_map(Happening::Acknowledge),
        3 => (0..500_u64).prop_map(Happening::Pass),
        4 => (0..100_u64, 0..100_u64).prop_map(|(hello, welcome)| Happening::Attach(hello, welcome)),
    ];
    let doing = simple.clone().prop_map(Box::new);
    let crash = (doing, any::<Index>(), any::<bool>(), -1_000_000..1_000_000_i64)
        .prop_map(|(doing, written, boots, wall)| Happening::Crash { doing, written, boots, wall });
    prop_oneof![
        40 => simple,
        4 => crash,
        1 => any::<Index>().prop_map(|place| Happening::Damage { place }),
        3 => Just(Happening::BackUp),
        3 => prop_oneof![Just(Restored::Journal), Just(Restored::Files), Just(Restored::Disk)]
            .prop_map(Happening::Restore),
    ]
}

/// What the server and the world know of a command.
#[derive(Debug, Default)]
struct Truth {
    time_to_live: u64,
    /// The journal that first heard of it.
    known_to: Option<String>,
    /// The journal that told the server of it.
    told_by: Option<String>,
    /// The server knows its end. It should not hand it over any more; it does here, for messages cross.
    settled: bool,
    /// It was with a journal that is gone.
    lost: bool,
    /// How often it ran.
    runs: usize,
    /// Whether the agent has told that it did not and will not run.
    told_off: bool,
}

#[derive(Debug)]
enum Message {
    Delivery { command: usize, sent: u64 },
    Cancellation(usize),
}

struct World {
    _directory: TempDir,
    path: PathBuf,
    book: Book,
    /// The true time and the server's, in milliseconds.
    time: u64,
    booted: u64,
    boot: u32,
    wall: i64,
    commands: Vec<Truth>,
    /// There while a session is.
    session: Option<ServerClock>,
    under_way: Vec<Message>,
    running: Option<usize>,
    back_up: Option<BackUp>,
    /// The process is about to vanish: nothing it says is heard, and nothing it does comes about.
    vanishing: bool,
}

fn server_time(time: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::milliseconds(i64::try_from(time).unwrap())
}

fn id(command: usize) -> CommandId {
    CommandId(uuid::Uuid::from_u128(command as u128))
}

fn index(id: CommandId) -> usize {
    usize::try_from(id.0.as_u128()).unwrap()
}

impl World {
    fn new(times_to_live: &[u64]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("commands.journal");
        let start = Moment { wall: server_time(0), uptime_ms: 50, boot_id: "0".to_owned() };
        let commands = times_to_live.iter().map(|&time_to_live| Truth { time_to_live, ..Truth::default() }).collect();
        Self {
            book: Book::open(&path, &start).unwrap(),
            _directory: directory,
            path,
            time: 1_000,
            booted: 950,
            boot: 0,
            wall: 0,
            commands,
            session: None,
            under_way: Vec::new(),
            running: None,
            back_up: None,
            vanishing: false,
        }
    }

    fn now(&self) -> Moment {
        let wall = server_time(self.time) + TimeDelta::milliseconds(self.wall);
        Moment { wall, uptime_ms: self.time - self.booted, boot_id: self.boot.to_string() }
    }

    fn deadline(&self, command: usize) -> u64 {
        1_000 + self.commands[command].time_to_live
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::HandOver(command) => self.hand_over(command),
            Happening::Cancel(command) => {
                let truth = &mut self.commands[command];
                if self.session.is_some() && !truth.lost {
                    truth.known_to.get_or_insert_with(|| self.book.journal_id().to_owned());
                    self.under_way.push(Message::Cancellation(command));
                }
            }
            Happening::Arrive(which) => self.arrive(which),
            Happening::Work => self.work(),
            Happening::Finish => {
                if let Some(command) = self.running.take() {
                    let state = CommandState::Succeeded;
                    let outcome = Outcome { command_id: id(command), state, result: None, reason: None };
                    let outcome = self.book.end(outcome);
                    self.told(id(command), Progress::Ended(outcome));
                }
            }
            Happening::Acknowledge(command) => {
                if self.session.is_some() && self.commands[command].settled {
                    self.book.forget(id(command));
                }
            }
            Happening::Pass(time) => self.time += time,
            Happening::Attach(hello, welcome) => self.attach(hello, welcome),
            Happening::Crash { doing, written, boots, wall } => {
                let before = fs::metadata(&self.path).unwrap().len();
                let mark = fs::read(self.mark()).unwrap();
                self.vanishing = true;
                self.happen(*doing);
                self.vanishing = false;
                let whole = fs::metadata(&self.path).unwrap().len();
                let last = last_record(&fs::read(&self.path).unwrap()).max(before);
                let cut = last + written.index(usize::try_from(whole - last).unwrap() + 1) as u64;
                fs::OpenOptions::new().write(true).open(&self.path).unwrap().set_len(cut).unwrap();
                if cut < whole {
                    // It is written after the record.
                    fs::write(self.mark(), mark).unwrap();
                }
                self.wall = wall;
                self.come_back(boots);
            }
            Happening::Damage { place } => {
                let mut bytes = fs::read(&self.path).unwrap();
                let at = place.index(bytes.len());
                // A newline that flips would make of two lines a bad one, or of the last one a torn one.
                if bytes[at] != b'\n' {
                    bytes[at] ^= 1;
                    // Nor is one made.
                    bytes[at] = if bytes[at] == b'\n' { b'?' } else { bytes[at] };
                    fs::write(&self.path, bytes).unwrap();
                }
                self.come_back(false);
            }
            Happening::BackUp => {
                let knows = |command| !matches!(self.book.standing(id(command)), Progress::New | Progress::Full);
                self.back_up = Some(BackUp {
                    journal: fs::read(&self.path).unwrap(),
                    mark: fs::read(self.mark()).unwrap(),
                    knew: (0..COMMANDS).map(knows).collect(),
                    runs: self.commands.iter().map(|truth| truth.runs).collect(),
                });
            }
            Happening::Restore(what) => self.restore(what),
        }
    }

    fn mark(&self) -> PathBuf {
        self.path.with_extension("mark")
    }

    fn restore(&mut self, what: Restored) {
        let Some(back_up) = self.back_up.take() else { return };
        let new_file = |path: PathBuf, bytes: &[u8]| {
            fs::write(path.with_extension("restored"), bytes).unwrap();
            fs::rename(path.with_extension("restored"), path).unwrap();
        };
        match what {
            Restored::Journal => fs::write(&self.path, &back_up.journal).unwrap(),
            Restored::Files => {
                new_file(self.path.clone(), &back_up.journal);
                new_file(self.mark(), &back_up.mark);
            }
            // Only the server can tell, and of what ran since it has to have heard.
            Restored::Disk if self.is_told_of_what_ran_since(&back_up) => {
                fs::write(&self.path, &back_up.journal).unwrap();
                fs::write(self.mark(), &back_up.mark).unwrap();
            }
            Restored::Disk => return,
        }
        // Messages do not cross this, and what has ended is not handed over in the sessions that follow.
        self.commands.iter_mut().for_each(|truth| truth.lost |= truth.settled);
        self.come_back(false);
    }

    fn is_told_of_what_ran_since(&self, back_up: &BackUp) -> bool {
        let journal_id = Some(self.book.journal_id());
        let is_told = |(command, truth): (usize, &Truth)| {
            truth.runs == back_up.runs[command]
                || truth.settled
                || (!back_up.knew[command] && truth.told_by.as_deref() == journal_id)
        };
        self.commands.iter().enumerate().all(is_told)
    }

    fn come_back(&mut self, boots: bool) {
        (self.session, self.running) = (None, None);
        self.under_way.clear();
        if boots {
            self.boot += 1;
            self.time += 10;
            self.booted = self.time - 5;
        }
        self.book = Book::open(&self.path, &self.now()).unwrap();
        assert_eq!(self.book.next(&self.now()), None, "nothing starts before the server was heard");
    }

    /// What is not safe to repeat goes again only to the journal it went to before.
    fn hand_over(&mut self, command: usize) {
        let (sent, deadline) = (self.time, self.deadline(command));
        let truth = &mut self.commands[command];
        if self.session.is_none() || truth.lost || sent >= deadline {
            return;
        }
        truth.known_to.get_or_insert_with(|| self.book.journal_id().to_owned());
        self.under_way.push(Message::Delivery { command, sent });
    }

    fn arrive(&mut self, which: Index) {
        let Some(clock) = self.session.filter(|_| !self.under_way.is_empty()) else { return };
        let (command, standing) = match self.under_way.swap_remove(which.index(self.under_way.len())) {
            Message::Cancellation(command) => (command, self.book.cancel(id(command), "so").unwrap()),
            Message::Delivery { command, sent } => {
                let left = self.deadline(command) - sent;
                let delivery = Delivery {
                    command_id: id(command),
                    command_type: CommandType::parse("RESTART_APP").unwrap(),
                    payload: None,
                    time_to_live: Duration::from_millis(left),
                    run_timeout: Duration::from_secs(1),
                    created_at: server_time(0),
                    server_time: Some(server_time(sent)),
                };
                let at = self.now();
                let under_way = clock.under_way(server_time(sent), Duration::from_millis(at.uptime_ms));
                (command, self.book.receive(Arrival { delivery, under_way: Some(under_way), at }).unwrap())
            }
        };
        self.told(id(command), standing);
    }

    /// As `Agent::start_next`.
    fn work(&mut self) {
        while let Some(outcome) = self.book.expire(&self.now()).unwrap() {
            self.told(outcome.command_id, Progress::Ended(outcome));
        }
        if self.running.is_some() {
            return;
        }
        let Some(received) = self.book.next(&self.now()) else { return };
        self.book.start(received.command_id, &self.boot.to_string()).unwrap();
        assert!(!received.is_over(&self.now()));
        self.running = Some(index(received.command_id));
        if !self.vanishing {
            self.run(index(received.command_id));
        }
    }

    fn run(&mut self, command: usize) {
        assert!(self.time < self.deadline(command), "{command} starts after its time");
        let truth = &mut self.commands[command];
        truth.runs += 1;
        assert_eq!(truth.runs, 1, "{command} runs again");
        assert!(!truth.told_off, "{command} runs though it was told that it does not");
    }

    fn attach(&mut self, hello: u64, welcome: u64) {
        self.under_way.clear();
        let hello_at = Duration::from_millis(self.now().uptime_ms);
        self.time += hello;
        // The server gives up on what it handed to another journal.
        for truth in &mut self.commands {
            truth.lost |= truth.known_to.as_ref().is_some_and(|journal| journal != self.book.journal_id());
        }
        let told: Vec<_> = (0..COMMANDS).filter(|command| self.is_told_by_this_journal(*command)).map(id).collect();
        if !self.book.knows_all(&told) {
            self.book.start_anew().unwrap();
            return self.attach(0, welcome);
        }
        let clock = ServerClock { welcome: server_time(self.time), hello: hello_at, arrived: hello_at };
        self.time += welcome;
        self.session = Some(clock);
        while self.book.expire_held(clock.welcome).unwrap().is_some() {}
        let standings: Vec<_> = self.book.unfinished().collect();
        standings.into_iter().for_each(|(id, standing)| self.told(id, standing));
    }

    /// Of what ended otherwise than by running, the server asks no journal.
    fn is_told_by_this_journal(&self, command: usize) -> bool {
        let truth = &self.commands[command];
        truth.told_by.as_deref() == Some(self.book.journal_id()) && !truth.told_off
    }

    fn told(&mut self, id: CommandId, standing: Progress) {
        if self.vanishing || self.session.is_none() {
            return;
        }
        let truth = &mut self.commands[index(id)];
        truth.told_by = Some(self.book.journal_id().to_owned());
        let Progress::Ended(outcome) = standing else { return };
        match outcome.state {
            // The first end that the server hears of stands. A disk that went back to before a run of which the server knows
            // may say what it likes: nobody takes it.
            CommandState::Expired | CommandState::Cancelled if truth.settled => {}
            CommandState::Expired | CommandState::Cancelled => {
                assert_eq!(truth.runs, 0, "told {} of a command that ran", outcome.state.as_str());
                truth.told_off = true;
            }
            CommandState::Succeeded => assert_eq!(truth.runs, 1),
            _ => {}
        }
        truth.settled = true;
    }

    /// Whatever happened, once there is peace everything that was received has ended.
    fn settle(&mut self) {
        self.attach(0, 0);
        self.happen(Happening::Finish);
        self.time += 1_000_000;
        self.work();
        let open: Vec<_> = self.book.unfinished().collect();
        assert!(open.iter().all(|(_, standing)| matches!(standing, Progress::Ended(_))), "{open:?}");
        assert_eq!(self.book.pending_outcomes(), open.len());
    }
}

/// Where the last record begins.
fn last_record(bytes: &[u8]) -> u64 {
    let before = &bytes[..bytes.len().saturating_sub(1)];
    before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1) as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, ..ProptestConfig::default() })]

    #[test]
    fn a_command_runs_at_most_once_within_its_time_and_ends(
        times_to_live in prop::collection::vec(prop_oneof![1 => 1..500_u64, 2 => 2_000..50_000_u64], COMMANDS),
        happenings in prop::collection::vec(happening(), 1..80),
    ) {
        let mut world = World::new(&times_to_live);
        world.happen(Happening::Attach(0, 0));
        happenings.into_iter().for_each(|happening| world.happen(happening));
        world.settle();
    }
}
