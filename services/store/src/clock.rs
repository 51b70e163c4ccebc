//! The database's clock, carried on by this process between two looks at it.
//!
//! All replicas share the database, so its clock decides what is kept and judged (docs/time.md). Asking it each time would
//! cost a query; so it is read every few seconds and carried by the time since boot, which nobody sets. A clock that steps
//! is not followed at once: the step has to hold for [`HOLD`]. Until then the carried clock goes on as before, so that a
//! clock that is wrong for a minute judges nothing.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, PgConnection, QueryDsl as _, QueryableByName, RunQueryDsl as _,
    sql_query,
    sql_types::{Bool, Timestamptz},
};
use parking_lot::{Mutex, MutexGuard};

use crate::{
    StoreError,
    schema::{clock_steps_back, maintenance_clock},
};

/// How long a step of the database's clock has to hold before it is followed.
pub const HOLD: Duration = Duration::from_secs(600);
/// A smaller difference is not a step: it is what the way to the database takes, or a clock that is being disciplined.
const STEP: TimeDelta = TimeDelta::seconds(2);
/// Maintenance notes the time at least this often.
const ROUNDS_APART: TimeDelta = TimeDelta::seconds(30);
/// How far a watch goes back that comes with a cursor of the future.
const UNKNOWN_STEP: TimeDelta = TimeDelta::minutes(10);
/// How long steps back are remembered: cursors are not taken for longer.
const KEPT: TimeDelta = TimeDelta::days(31);
/// An answer that took longer says too little about the moment at which the clock was read.
const SLOWEST: Duration = Duration::from_secs(1);

/// The database's clock as a process knows it. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<Carried>>);

/// What a look at the database's clock showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is where it should be.
    Steady,
    /// It is off by so much from where it should be, and not followed yet.
    Stepped(TimeDelta),
    /// It has been off by so much for [`HOLD`], and is followed from now on.
    Followed(TimeDelta),
}

/// The rules, without I/O; `uptime` is the time since boot.
#[derive(Clone, Copy, Debug, Default)]
struct Carried {
    /// What the clock showed at `uptime`; `None`: the database has not been reached yet.
    anchor: Option<(DateTime<Utc>, Duration)>,
    /// A step that is not followed yet: by how much, and since when.
    step: Option<(TimeDelta, Duration)>,
    /// The newest look: what the clock showed, and when.
    looked: Option<(DateTime<Utc>, Duration)>,
}

impl Carried {
    fn now(&self, uptime: Duration) -> DateTime<Utc> {
        match self.anchor {
            Some((at, since)) => at + uptime.saturating_sub(since),
            None => host_clock(),
        }
    }

    /// What lies behind a step back since the last look: where it led, at the earliest, and from where, at the latest.
    fn step_back(&self, told: DateTime<Utc>, uptime: Duration) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let (looked, since) = self.looked?;
        let passed = TimeDelta::from_std(uptime.saturating_sub(since)).unwrap_or(TimeDelta::MAX);
        (told < looked + passed - STEP).then(|| (told - passed - STEP, looked + passed + STEP))
    }

    fn see(&mut self, told: DateTime<Utc>, uptime: Duration) -> Seen {
        self.looked = Some((told, uptime));
        let by = told - self.now(uptime);
        if self.anchor.is_none() || by.abs() < STEP {
            (self.anchor, self.step) = (Some((told, uptime)), None);
            return Seen::Steady;
        }
        match self.step {
            Some((known, since)) if (by - known).abs() < STEP => {
                if uptime.saturating_sub(since) < HOLD {
                    return Seen::Stepped(by);
                }
                (self.anchor, self.step) = (Some((told, uptime)), None);
                Seen::Followed(by)
            }
            _ => {
                self.step = Some((by, uptime));
                Seen::Stepped(by)
            }
        }
    }
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Carried::default())))
    }

    /// What the database's clock shows, as far as this process knows.
    pub fn now(&self) -> DateTime<Utc> {
        self.carried().now(uptime())
    }

    /// Looks at the database's clock.
    pub(crate) fn look(&self, conn: &mut PgConnection) -> Result<Seen, StoreError> {
        let before = uptime();
        let told = database_now(conn)?;
        let took = uptime().saturating_sub(before);
        if took > SLOWEST {
            return Ok(Seen::Steady);
        }
        let at = before + took / 2;
        let known = *self.carried();
        let step_back = match known.looked {
            Some(_) => known.step_back(told, at),
            None => step_back_while_away(conn, told)?,
        };
        if let Some(step) = step_back {
            // Before it is forgotten that it was a step: an error makes the next look find it again.
            record_step_back(conn, step)?;
        }
        let seen = self.carried().see(told, at);
        note(seen);
        Ok(seen)
    }

    fn carried(&self) -> MutexGuard<'_, Carried> {
        self.0.lock()
    }
}

fn note(seen: Seen) {
    let step = match seen {
        Seen::Steady | Seen::Followed(_) => TimeDelta::zero(),
        Seen::Stepped(by) => by,
    };
    metrics::gauge!("homepot_database_clock_step_seconds").set(step.as_seconds_f64());
    match seen {
        Seen::Steady => {}
        Seen::Stepped(by) => tracing::error!(
            step_seconds = by.as_seconds_f64(),
            "the database's clock has stepped; it is not followed until it has held for {} minutes",
            HOLD.as_secs() / 60
        ),
        Seen::Followed(by) => {
            tracing::warn!(
                step_seconds = by.as_seconds_f64(),
                "the step of the database's clock is followed from now on"
            );
        }
    }
}

#[derive(QueryableByName)]
struct Now {
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

/// What the database's clock shows, also within a transaction.
pub(crate) fn database_now(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let found: Now = sql_query("SELECT clock_timestamp() AS now").get_result(conn)?;
    Ok(found.now)
}

/// Where a step back led to, and where it came from.
type StepBack = (DateTime<Utc>, DateTime<Utc>);

/// A step back that no process saw: the clock stands before the last round of maintenance.
fn step_back_while_away(conn: &mut PgConnection, told: DateTime<Utc>) -> Result<Option<StepBack>, StoreError> {
    // Before the first migration there is no such table.
    let exists: Exists = sql_query("SELECT to_regclass('maintenance_clock') IS NOT NULL AS exists").get_result(conn)?;
    if !exists.exists {
        return Ok(None);
    }
    let last_round: DateTime<Utc> = maintenance_clock::table.select(maintenance_clock::last_round).first(conn)?;
    Ok((told < last_round - STEP).then(|| (told - STEP, last_round + ROUNDS_APART)))
}

#[derive(QueryableByName)]
struct Exists {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

fn record_step_back(conn: &mut PgConnection, (led_to, led_from): StepBack) -> Result<(), StoreError> {
    tracing::warn!(%led_from, %led_to, "the database's clock went back; watches that come back begin before that");
    diesel::insert_into(clock_steps_back::table)
        .values((clock_steps_back::led_to.eq(led_to), clock_steps_back::led_from.eq(led_from)))
        .execute(conn)?;
    Ok(())
}

/// Where a watch goes on that has seen everything before `cursor`. That is a time of the database's clock, and where that
/// clock went back since, what is new may be stamped with times before the cursor.
pub fn resume_from(conn: &mut PgConnection, cursor: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
    let within: Option<DateTime<Utc>> = clock_steps_back::table
        .filter(clock_steps_back::led_to.le(cursor).and(clock_steps_back::led_from.ge(cursor)))
        .select(diesel::dsl::min(clock_steps_back::led_to))
        .first(conn)?;
    let now = database_now(conn)?;
    // A cursor of the future without a known step: a database that was restored, for example.
    let unknown = (cursor > now + STEP).then(|| now - UNKNOWN_STEP);
    Ok([Some(cursor), within, unknown].into_iter().flatten().min().unwrap_or(cursor))
}

/// Forgets steps that no cursor can lie in any more.
pub(crate) fn forget_steps_back(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<usize, StoreError> {
    let old = clock_steps_back::table.filter(clock_steps_back::led_from.lt(now - KEPT));
    Ok(diesel::delete(old).execute(conn)?)
}

/// The time since the machine's boot, its sleep included. Nobody sets it.
pub(crate) fn uptime() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Before the database was reached once there is no other clock, and nothing that it judges is kept.
#[allow(clippy::disallowed_methods)]
fn host_clock() -> DateTime<Utc> {
    Utc::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn up(seconds: u64) -> Duration {
        Duration::from_secs(1_000 + seconds)
    }

    fn carried() -> Carried {
        let mut carried = Carried::default();
        assert_eq!(carried.see(at(0), up(0)), Seen::Steady);
        carried
    }

    #[test]
    fn a_clock_goes_on_between_two_looks() {
        assert_eq!(carried().now(up(90)), at(90));
    }

    #[test]
    fn a_step_that_goes_away_again_is_never_followed() {
        for step in [20 * 86_400, -600] {
            let (mut carried, by) = (carried(), TimeDelta::seconds(step));
            assert_eq!(carried.see(at(5) + by, up(5)), Seen::Stepped(by));
            assert_eq!(carried.see(at(590) + by, up(590)), Seen::Stepped(by));
            assert_eq!(carried.now(up(595)), at(595));
            assert_eq!(carried.see(at(600), up(600)), Seen::Steady);
            // The next one begins anew.
            assert_eq!(carried.see(at(700) + by, up(700)), Seen::Stepped(by));
            assert_eq!(carried.now(up(700)), at(700));
        }
    }

    #[test]
    fn a_step_that_holds_is_followed() {
        let (mut carried, by) = (carried(), TimeDelta::minutes(-10));
        for seconds in (5_i64..605).step_by(5) {
            let uptime = up(seconds.unsigned_abs());
            assert_eq!(carried.see(at(seconds) + by, uptime), Seen::Stepped(by), "{seconds}");
        }
        assert_eq!(carried.see(at(605) + by, up(605)), Seen::Followed(by));
        assert_eq!(carried.now(up(610)), at(610) + by);
    }

    #[test]
    fn a_step_back_is_told_once_with_all_that_may_lie_in_it() {
        let mut carried = carried();
        assert_eq!(carried.step_back(at(5), up(5)), None);
        carried.see(at(5), up(5));
        // It happened some time within the last 5 s, from 10 at most to -15 at least.
        assert_eq!(carried.step_back(at(-10), up(10)), Some((at(-17), at(12))));
        carried.see(at(-10), up(10));
        assert_eq!(carried.step_back(at(-5), up(15)), None);
        // Forward is none.
        assert_eq!(carried.step_back(at(60), up(15)), None);
    }

    #[test]
    fn a_clock_that_keeps_jumping_is_not_followed() {
        let mut carried = carried();
        for seconds in (5_i64..2_000).step_by(5) {
            let jumping = at(seconds) + TimeDelta::hours(seconds % 7);
            carried.see(jumping, up(seconds.unsigned_abs()));
            assert_eq!(carried.now(up(seconds.unsigned_abs())), at(seconds));
        }
    }
}
