//! Who is killed when, whose clock is set, and what the database suffers: drawn from a seed, so that the seed repeats it.

use std::{fmt, time::Duration};

use fastrand::Rng;

/// In this span Postgres, each agent and each agent's connection are struck once on the average, the others more often.
const ROUND: Duration = Duration::from_secs(14);
/// Of so many blows one comes together with the one before.
const TOGETHER: u32 = 6;
const LONGEST_AWAY_MS: u64 = 1_500;

/// Trouble of the database lasts so many times longer: long enough for statements to be given up.
const TROUBLE_LASTS: u32 = 4;
/// What others may hold a lock on: tables of every kind of write.
const LOCKED: [&str; 6] = ["commands", "runs", "samples", "sessions", "devices", "device_states"];

/// How far a server's clock is set off at most.
const FARTHEST_OFF: i64 = 1_000 * 86_400;

/// What is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// One of the two servers.
    Replica(usize),
    /// The database of both.
    Postgres,
    /// What carries their wake-ups.
    Redis,
    /// An agent. What its commands started lives on, as on a real device.
    Agent(usize),
    /// A connection between an agent and a replica.
    Connection {
        /// Which, counted among those there are.
        pick: usize,
        /// Half of the next bytes still go through.
        at_half: bool,
    },
    /// The clock of one of the two servers, which is set.
    Clock {
        /// Whose.
        replica: usize,
        /// How far ahead of the right time, in seconds.
        ahead: i64,
    },
    /// The database, which lives on.
    Trouble(Trouble),
}

/// What can be the matter with a database that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Somebody holds the strongest lock on this table.
    Lock(&'static str),
    /// Its disk is full.
    FullDisk,
    /// It takes no writes, as a node that was demoted.
    ReadOnly,
}

/// A blow and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// After the step before.
    pub(super) pause: Duration,
    /// What is struck.
    pub(super) blow: Blow,
    /// Until it comes back.
    pub(super) away: Duration,
}

/// An endless row of blows.
pub(super) struct Schedule {
    rng: Rng,
    agents: usize,
    with_redis: bool,
    with_disk: bool,
}

impl Schedule {
    /// Draws from `seed`. Redis is struck only where there is one, and a disk is filled only where the database has one
    /// of its own.
    pub(super) fn new(seed: u64, agents: usize, with_redis: bool, with_disk: bool) -> Self {
        Self { rng: Rng::with_seed(seed), agents, with_redis, with_disk }
    }

    fn blow(&mut self, kind: Kind) -> Blow {
        match kind {
            Kind::Replica => Blow::Replica(self.rng.usize(..2)),
            Kind::Postgres => Blow::Postgres,
            Kind::Redis => Blow::Redis,
            Kind::Agent => Blow::Agent(self.rng.usize(..self.agents)),
            Kind::Clock => {
                Blow::Clock { replica: self.rng.usize(..2), ahead: self.rng.i64(-FARTHEST_OFF..=FARTHEST_OFF) }
            }
            Kind::Connection => Blow::Connection { pick: self.rng.usize(..), at_half: self.rng.bool() },
            Kind::Lock => Blow::Trouble(Trouble::Lock(LOCKED[self.rng.usize(..LOCKED.len())])),
            Kind::FullDisk => Blow::Trouble(Trouble::FullDisk),
            Kind::ReadOnly => Blow::Trouble(Trouble::ReadOnly),
        }
    }
}

/// What can be drawn.
#[derive(Clone, Copy)]
enum Kind {
    Replica,
    Postgres,
    Redis,
    Agent,
    Clock,
    Connection,
    Lock,
    FullDisk,
    ReadOnly,
}

impl Iterator for Schedule {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let one_if = |there: bool| usize::from(there);
        // How often each is struck in a round, on the average.
        let often = [
            (Kind::Replica, 3),
            (Kind::Postgres, 1),
            (Kind::Redis, 2 * one_if(self.with_redis)),
            (Kind::Agent, self.agents),
            (Kind::Clock, 2),
            (Kind::Connection, self.agents),
            (Kind::Lock, 1),
            (Kind::FullDisk, one_if(self.with_disk)),
            (Kind::ReadOnly, 1),
        ];
        let all: usize = often.iter().map(|(_, times)| times).sum();
        let usual = ROUND / u32::try_from(all).unwrap_or(u32::MAX);
        let together = self.rng.u32(..TOGETHER) == 0;
        let pause = if together { Duration::ZERO } else { usual.mul_f64(2.0 * self.rng.f64()) };
        let drawn = self.rng.usize(..all);
        let mut passed = 0;
        let (kind, _) = often.into_iter().find(|(_, times)| {
            passed += times;
            drawn < passed
        })?;
        let blow = self.blow(kind);
        let away = Duration::from_millis(self.rng.u64(..LONGEST_AWAY_MS));
        let away = if matches!(blow, Blow::Trouble(_)) { TROUBLE_LASTS * away } else { away };
        Some(Step { pause, blow, away })
    }
}

/// How often what was struck.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kills {
    replicas: usize,
    postgres: usize,
    redis: usize,
    agents: usize,
    connections: usize,
    clocks: usize,
    locks: usize,
    full_disks: usize,
    read_only: usize,
}

impl Kills {
    /// Counts one.
    pub(super) fn count(&mut self, blow: Blow) {
        let counter = match blow {
            Blow::Replica(_) => &mut self.replicas,
            Blow::Postgres => &mut self.postgres,
            Blow::Redis => &mut self.redis,
            Blow::Agent(_) => &mut self.agents,
            Blow::Connection { .. } => &mut self.connections,
            Blow::Clock { .. } => &mut self.clocks,
            Blow::Trouble(Trouble::Lock(_)) => &mut self.locks,
            Blow::Trouble(Trouble::FullDisk) => &mut self.full_disks,
            Blow::Trouble(Trouble::ReadOnly) => &mut self.read_only,
        };
        *counter += 1;
    }
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { replicas, postgres, redis, agents, connections, clocks, locks, full_disks, read_only } = self;
        write!(f, "servers={replicas} postgres={postgres} redis={redis} agents={agents} connections={connections} ")?;
        write!(f, "clocks={clocks} locks={locks} full_disks={full_disks} read_only={read_only}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_schedule_and_nobody_is_spared() {
        let draw = |seed| Schedule::new(seed, 3, true, true).take(500).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let mut kills = Kills::default();
        draw(7).into_iter().for_each(|step| kills.count(step.blow));
        assert!(!kills.to_string().contains("=0"), "{kills}");
    }

    #[test]
    fn redis_and_a_disk_are_struck_only_where_there_is_one() {
        let spared = [Blow::Redis, Blow::Trouble(Trouble::FullDisk)];
        assert!(Schedule::new(7, 3, false, false).take(500).all(|step| !spared.contains(&step.blow)));
    }
}
