//! When to reconnect after a session ended: rules without I/O, with time and random numbers passed in.

use std::time::Duration;

use homepot::{Error, Kind};
use tokio::time::Instant;

/// The first waits lie between nothing and this; then it doubles with every failure.
const BASE: Duration = Duration::from_secs(1);
/// So many attempts are quick: another replica may have the address at any moment.
const QUICK: u32 = 3;
/// No wait after a plain failure is longer.
const CAP: Duration = Duration::from_secs(60);
/// Chance must not make the agent spin.
const FLOOR: Duration = Duration::from_millis(100);
/// A session that held this long clears the failures before it.
const STABLE: Duration = Duration::from_secs(10);
/// The machine with the same key that took over keeps the session: coming back soon would be a fight.
const SUPERSEDED: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(600));
/// Each further time the wait doubles, up to 32 times as long: two machines that both come back would else take turns.
const SUPERSEDED_DOUBLINGS: u32 = 5;
/// A session that held longer than any such wait had the key for itself.
const UNDISPUTED: Duration = Duration::from_secs(24 * 3600);
/// What only a person can put right is asked for seldom.
const REFUSED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));
/// A hint past this is taken for a fault of the server.
const MAX_HINT: Duration = Duration::from_secs(3600);

/// Why the server says goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// Another session of this device took over.
    Superseded,
    /// The key was revoked or the device deactivated.
    Revoked,
    /// The server leaves.
    Draining,
    /// The agent did not keep to the protocol.
    Protocol,
    /// The session grew old.
    Aged,
    /// The server heard nothing for too long.
    Silent,
    /// The server could not go on, or did not say why.
    Internal,
}

/// How a session, or the attempt at one, ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// There was no connection to be had.
    Unreachable(String),
    /// The server answered with an error.
    Refused(Error),
    /// The connection stood and no Welcome came.
    NoWelcome,
    /// The stream ended without a word.
    Lost,
    /// The device ended it, because its journal turned out to be another one than it said.
    OtherJournal,
    /// The server said why.
    Goodbye {
        /// Why.
        farewell: Farewell,
        /// Why, in words.
        detail: String,
        /// When to come back.
        reconnect_after: Option<Duration>,
    },
}

impl End {
    /// What happened, in words for a person.
    pub fn describe(&self) -> String {
        match self {
            Self::Unreachable(cause) => format!("the server can't be reached: {cause}"),
            Self::Refused(error) => format!("the server refused: {error}"),
            Self::NoWelcome => "the server did not answer Hello in time".to_owned(),
            Self::Lost => "the connection was lost".to_owned(),
            Self::OtherJournal => "the command journal has lost records; attaching again with another one".to_owned(),
            Self::Goodbye { farewell, detail, .. } => {
                let what = match farewell {
                    Farewell::Superseded => {
                        "another machine, or a copy of this one, uses this device's id and key and took over the session"
                    }
                    Farewell::Revoked => "this device's key was revoked or the device deactivated",
                    Farewell::Draining => "the server is leaving",
                    Farewell::Protocol => "the server says this agent broke the protocol",
                    Farewell::Aged => "the session grew old",
                    Farewell::Silent => "the server heard nothing for too long",
                    Farewell::Internal => "the server could not go on",
                };
                if detail.is_empty() { what.to_owned() } else { format!("{what}: {detail}") }
            }
        }
    }

    /// Whether another session of this device took over.
    pub fn is_superseded(&self) -> bool {
        matches!(self, Self::Goodbye { farewell: Farewell::Superseded, .. })
    }

    /// Whether a person has to do something about it.
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::Refused(error) => is_for_a_person(error.kind()),
            Self::Goodbye { farewell, .. } => {
                matches!(farewell, Farewell::Superseded | Farewell::Revoked | Farewell::Protocol)
            }
            Self::Unreachable(_) | Self::NoWelcome | Self::Lost | Self::OtherJournal => false,
        }
    }
}

fn is_for_a_person(kind: Kind) -> bool {
    match kind {
        Kind::Unauthenticated
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::Invalid
        | Kind::Unimplemented
        | Kind::AlreadyExists
        | Kind::Conflict
        | Kind::TooLarge => true,
        Kind::Throttled | Kind::Unavailable | Kind::Timeout | Kind::Internal => false,
    }
}

/// What is remembered from one attempt to the next.
#[derive(Debug, Default)]
pub struct Reconnect {
    failures: u32,
    superseded: u32,
    welcomed_at: Option<Instant>,
}

impl Reconnect {
    /// Nothing tried yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A Welcome came at `now`.
    pub fn welcomed(&mut self, now: Instant) {
        self.welcomed_at = Some(now);
    }

    /// How long to wait after `end`, which came at `now`. `random` is uniform in 0 to 1.
    pub fn after(&mut self, end: &End, now: Instant, random: f64) -> Duration {
        let lasted = self.welcomed_at.take().map(|at| now.duration_since(at)).unwrap_or_default();
        let held = lasted >= STABLE;
        if held {
            self.failures = 0;
        }
        if lasted >= UNDISPUTED {
            self.superseded = 0;
        }
        match end {
            End::Refused(error) => {
                let hint = error.retry_delay().map(|hint| spread(hint, random));
                let own = if is_for_a_person(error.kind()) { between(REFUSED, random) } else { self.backoff(random) };
                hint.map_or(own, |hint| hint.max(own))
            }
            End::Unreachable(_) | End::NoWelcome | End::Lost | End::OtherJournal => self.backoff(random),
            End::Goodbye { farewell, reconnect_after, .. } => match (farewell, reconnect_after) {
                (Farewell::Superseded, _) => self.stay_away(random),
                (Farewell::Revoked | Farewell::Protocol, _) => between(REFUSED, random),
                (_, Some(hint)) => spread(*hint, random).max(FLOOR),
                (Farewell::Aged, None) if held => BASE.mul_f64(random).max(FLOOR),
                (Farewell::Draining | Farewell::Aged | Farewell::Silent | Farewell::Internal, None) => {
                    self.backoff(random)
                }
            },
        }
    }

    fn stay_away(&mut self, random: f64) -> Duration {
        let doublings = self.superseded.min(SUPERSEDED_DOUBLINGS);
        self.superseded = self.superseded.saturating_add(1);
        between(SUPERSEDED, random) * (1 << doublings)
    }

    /// Full jitter: anywhere between nothing and a bound that doubles with every failure after the first few.
    fn backoff(&mut self, random: f64) -> Duration {
        let doublings = (self.failures + 1).saturating_sub(QUICK).min(16);
        let bound = BASE.saturating_mul(1 << doublings).min(CAP);
        self.failures = self.failures.saturating_add(1);
        bound.mul_f64(random).max(FLOOR)
    }
}

/// Never earlier than asked for, and up to half as long again, so that a fleet does not come back as one.
fn spread(hint: Duration, random: f64) -> Duration {
    hint.min(MAX_HINT).mul_f64(1.0 + random / 2.0)
}

fn between((low, high): (Duration, Duration), random: f64) -> Duration {
    low + (high - low).mul_f64(random)
}

/// A number uniform in 0 to 1.
pub fn random() -> f64 {
    // Without a source of chance the middle keeps the rules working.
    getrandom::u64().map_or(0.5, |bits| (bits >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: f64 = 0.999_999;

    fn goodbye(farewell: Farewell, reconnect_after: Option<u64>) -> End {
        let reconnect_after = reconnect_after.map(Duration::from_secs);
        End::Goodbye { farewell, detail: String::new(), reconnect_after }
    }

    fn seconds(wait: Duration) -> u64 {
        wait.as_secs_f64().round() as u64
    }

    #[test]
    fn after_a_few_quick_ones_waits_double_up_to_a_minute_with_full_jitter() {
        let mut reconnect = Reconnect::new();
        let waits: Vec<_> = (0..11).map(|_| seconds(reconnect.after(&End::Lost, Instant::now(), MOST))).collect();
        assert_eq!(waits, [1, 1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(reconnect.after(&End::Lost, Instant::now(), 0.0), FLOOR);
    }

    #[test]
    fn a_session_that_held_clears_the_failures_and_one_that_flapped_does_not() {
        let now = Instant::now();
        let mut reconnect = Reconnect::new();
        for _ in 0..7 {
            reconnect.after(&End::Lost, now, MOST);
        }
        reconnect.welcomed(now);
        assert_eq!(seconds(reconnect.after(&End::Lost, now + Duration::from_secs(1), MOST)), 32);
        reconnect.welcomed(now);
        assert_eq!(seconds(reconnect.after(&End::Lost, now + STABLE, MOST)), 1);
    }

    #[test]
    fn a_superseded_agent_stays_away_for_minutes_whatever_the_hint() {
        for random in [0.0, MOST] {
            let wait = Reconnect::new().after(&goodbye(Farewell::Superseded, Some(1)), Instant::now(), random);
            assert!(wait >= SUPERSEDED.0 && wait <= SUPERSEDED.1);
        }
    }

    #[test]
    fn two_machines_with_one_key_take_turns_ever_less_often() {
        let now = Instant::now();
        let mut reconnect = Reconnect::new();
        let mut superseded_after = |held: Duration| {
            reconnect.welcomed(now);
            reconnect.after(&goodbye(Farewell::Superseded, None), now + held, 0.0).as_secs() / 60
        };
        // As long as the other stays away, too.
        let waits: Vec<_> = (0..7).map(|_| superseded_after(Duration::from_secs(160 * 60))).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 160]);
        assert_eq!(superseded_after(UNDISPUTED), 5);
    }

    #[test]
    fn a_revoked_key_is_tried_again_slowly() {
        let wait = Reconnect::new().after(&goodbye(Farewell::Revoked, None), Instant::now(), 0.0);
        assert_eq!(wait, REFUSED.0);
        let refused = End::Refused(Error::new(Kind::Unauthenticated, "x"));
        assert_eq!(Reconnect::new().after(&refused, Instant::now(), 0.0), REFUSED.0);
    }

    #[test]
    fn a_draining_server_is_given_its_time_and_devices_spread_out_after_it() {
        let at = |random| Reconnect::new().after(&goodbye(Farewell::Draining, Some(10)), Instant::now(), random);
        assert_eq!(at(0.0), Duration::from_secs(10));
        assert_eq!(seconds(at(MOST)), 15);
    }

    #[test]
    fn an_aged_session_comes_back_at_once_unless_it_never_held() {
        let now = Instant::now();
        let mut reconnect = Reconnect::new();
        for _ in 0..7 {
            reconnect.after(&End::Lost, now, MOST);
        }
        reconnect.welcomed(now);
        assert_eq!(seconds(reconnect.after(&goodbye(Farewell::Aged, None), now, MOST)), 32);
        reconnect.welcomed(now);
        assert!(reconnect.after(&goodbye(Farewell::Aged, None), now + STABLE, MOST) <= BASE);
    }

    #[test]
    fn a_servers_retry_hint_is_a_floor_and_an_absurd_one_is_cut() {
        let refused =
            |seconds| End::Refused(Error::new(Kind::Unavailable, "x").retry_after(Duration::from_secs(seconds)));
        assert_eq!(Reconnect::new().after(&refused(7), Instant::now(), 0.0), Duration::from_secs(7));
        assert_eq!(Reconnect::new().after(&refused(u64::MAX / 4), Instant::now(), 0.0), MAX_HINT);
    }
}
