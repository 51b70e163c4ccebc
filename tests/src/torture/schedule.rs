//! Who is killed when, and whose clock is set: drawn from a seed, so that the seed repeats it.

use std::{fmt, time::Duration};

use fastrand::Rng;

/// In this span Postgres, each agent and each agent's connection are struck once on the average, the others more often.
const ROUND: Duration = Duration::from_secs(14);
/// Of so many blows one comes together with the one before.
const TOGETHER: u32 = 6;
const LONGEST_AWAY_MS: u64 = 1_500;

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
}

impl Schedule {
    /// Draws from `seed`.
    pub(super) fn new(seed: u64, agents: usize, with_redis: bool) -> Self {
        Self { rng: Rng::with_seed(seed), agents, with_redis }
    }
}

impl Iterator for Schedule {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (replica, postgres, redis, agent) = (3, 1, if self.with_redis { 2 } else { 0 }, self.agents);
        let clock = 2;
        let all = replica + postgres + redis + 2 * agent + clock;
        let usual = ROUND / u32::try_from(all).unwrap_or(u32::MAX);
        let together = self.rng.u32(..TOGETHER) == 0;
        let pause = if together { Duration::ZERO } else { usual.mul_f64(2.0 * self.rng.f64()) };
        let drawn = self.rng.usize(..all);
        let blow = if drawn < replica {
            Blow::Replica(self.rng.usize(..2))
        } else if drawn < replica + postgres {
            Blow::Postgres
        } else if drawn < replica + postgres + redis {
            Blow::Redis
        } else if drawn < replica + postgres + redis + agent {
            Blow::Agent(self.rng.usize(..agent))
        } else if drawn < all - agent {
            Blow::Clock { replica: self.rng.usize(..2), ahead: self.rng.i64(-FARTHEST_OFF..=FARTHEST_OFF) }
        } else {
            Blow::Connection { pick: self.rng.usize(..), at_half: self.rng.bool() }
        };
        let away = Duration::from_millis(self.rng.u64(..LONGEST_AWAY_MS));
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
        };
        *counter += 1;
    }
}

impl fmt::Display for Kills {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { replicas, postgres, redis, agents, connections, clocks } = self;
        write!(
            f,
            "servers={replicas} postgres={postgres} redis={redis} agents={agents} connections={connections} clocks={clocks}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_schedule_and_nobody_is_spared() {
        let draw = |seed| Schedule::new(seed, 3, true).take(500).collect::<Vec<_>>();
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let mut kills = Kills::default();
        draw(7).into_iter().for_each(|step| kills.count(step.blow));
        assert!(!kills.to_string().contains("=0"), "{kills}");
    }

    #[test]
    fn redis_is_struck_only_where_there_is_one() {
        assert!(Schedule::new(7, 3, false).take(500).all(|step| step.blow != Blow::Redis));
    }
}
