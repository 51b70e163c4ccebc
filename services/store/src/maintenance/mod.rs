//! Maintenance of the storage: makes partitions ahead of time, rollups and blocks of samples, and drops what has expired.

pub mod guard;

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use diesel::PgConnection;
use uuid::Uuid;

pub use self::guard::{Guard, Hold, confirm_clock};
use crate::{
    StoreError, activities, clock, commands, devices, error_groups,
    locks::{self, Lock},
    losses, operators,
    packed::{self, Packing},
    partitions, rollups, runs,
    samples::corrections,
};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long one round may fold before others get a turn on the database threads.
const BUDGET: Duration = Duration::from_secs(5);
/// The same for moving commands.
const FILE_BUDGET: Duration = Duration::from_secs(2);
/// Batches of late minutes in one round.
const LATE_BATCHES: usize = 20;

/// How long what is kept. A partition goes as a whole, so a row may stay a day, a week or a month longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Samples as they came.
    pub samples: Duration,
    /// Rollups of a minute; no shorter than samples.
    pub minutes: Duration,
    /// Rollups of an hour, and losses; no shorter than minutes.
    pub hours: Duration,
    /// What people did.
    pub activities: Duration,
    /// Errors of applications.
    pub errors: Duration,
    /// Rollouts with their devices, from their end on.
    pub rollouts: Duration,
    /// Hours of samples in rows alone, from their end on: then they are packed.
    pub packed_after: Duration,
    /// Commands and runs, from their end on.
    pub commands: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            samples: DAY * 7,
            minutes: DAY * 90,
            hours: DAY * 730,
            activities: DAY * 30,
            errors: DAY * 90,
            rollouts: DAY * 730,
            packed_after: Duration::from_secs(2 * 3600),
            commands: DAY * 400,
        }
    }
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Partitions made.
    pub made: usize,
    /// Partitions dropped, by name.
    pub dropped: Vec<String>,
    /// Rows of minutes written.
    pub minutes: usize,
    /// Rows of hours written.
    pub hours: usize,
    /// Late minutes folded again.
    pub late: usize,
    /// Hours of samples that were packed for the first time.
    pub packed: Packing,
    /// Hours of samples that were packed anew, because some came late.
    pub packed_late: Packing,
    /// Commands moved to those that ended.
    pub filed: usize,
    /// How far rollups are behind: samples that are older are in them.
    pub lag: Duration,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// How a round ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Round {
    /// It did its work.
    Done(Report),
    /// Another replica is at it.
    Elsewhere,
    /// The database's clock is in doubt, so nothing was folded and nothing was dropped.
    Held(Hold),
}

/// One round, by the database's clock, unless that is in doubt (see [`guard`]). To be called every few seconds, and again at
/// once where there is more.
pub fn run(conn: &mut PgConnection, guard: &Guard, retention: &Retention) -> Result<Round, StoreError> {
    let round = locks::try_in_session(conn, Lock::Maintenance, |conn| {
        // Taken once: a clock that jumps while the round is at work changes nothing of what it does.
        let now = clock::database_now(conn)?;
        // Before anything that could fail or wait: without partitions nothing can be stored.
        let made = partitions::ensure(conn, now, retention)?;
        if let Some(hold) = guard.judge(conn, now, clock::uptime())? {
            return Ok(Round::Held(hold));
        }
        let report = work(conn, now, made, retention)?;
        guard.done(conn, now)?;
        Ok(Round::Done(report))
    })?;
    Ok(round.unwrap_or(Round::Elsewhere))
}

/// One round at `now`, whatever the clocks show; `None`: another replica is at it.
#[cfg(feature = "test-support")]
pub fn run_at(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    retention: &Retention,
) -> Result<Option<Report>, StoreError> {
    locks::try_in_session(conn, Lock::Maintenance, |conn| {
        let made = partitions::ensure(conn, now, retention)?;
        work(conn, now, made, retention)
    })
}

fn work(conn: &mut PgConnection, now: DateTime<Utc>, made: usize, retention: &Retention) -> Result<Report, StoreError> {
    rollups::claim(conn, now)?;
    let (minutes, more_minutes) = rollups::roll_minutes(conn, BUDGET)?;
    let (late, more_late) = late(conn)?;
    let (hours, more_hours) = rollups::roll_hours(conn, BUDGET)?;
    let more_activities = activities::fold(conn, now, BUDGET)?;
    let packed = packed::pack(conn, now, retention, BUDGET)?;
    let packed_late = packed::pack_late(conn, now, retention, BUDGET)?;
    let rolled_to = rollups::advance::rolled_to(conn, rollups::advance::MINUTES)?;
    let (filed, more_filed) = file(conn, now)?;
    // After all that is folded and packed, and nobody else does either: nothing comes after it.
    devices::sweep_removed(conn, now)?;
    let dropped = partitions::drop_expired(conn, now, retention)?;
    if !dropped.is_empty()
        && let Some(oldest) = now.checked_sub_signed(partitions::samples_kept(retention))
    {
        corrections::delete_before(conn, oldest)?;
    }
    let keeps = TimeDelta::from_std(retention.hours).unwrap_or(TimeDelta::MAX);
    if let Some(oldest) = now.checked_sub_signed(keeps) {
        losses::delete_before(conn, oldest)?;
    }
    let keeps = TimeDelta::from_std(retention.commands).unwrap_or(TimeDelta::MAX);
    if let Some(oldest) = now.checked_sub_signed(keeps) {
        runs::delete_before(conn, oldest)?;
    }
    error_groups::forget_reporters(conn, now)?;
    operators::sessions::sweep(conn, now)?;
    clock::forget_steps_back(conn, now)?;
    let more =
        more_minutes || more_late || more_hours || more_activities || more_filed || packed.more || packed_late.more;
    let lag = (now - rolled_to).to_std().unwrap_or_default();
    Ok(Report { made, dropped, minutes, hours, late, packed, packed_late, filed, lag, more })
}

/// Moves commands that have ended, each batch in a transaction of its own.
fn file(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(usize, bool), StoreError> {
    let (mut filed, mut after, began) = (0, Uuid::nil(), Instant::now());
    while let Some((count, last)) = commands::file(conn, now, after, commands::FILED_TOGETHER)? {
        (filed, after) = (filed + count, last);
        if began.elapsed() > FILE_BUDGET {
            return Ok((filed, true));
        }
    }
    Ok((filed, false))
}

fn late(conn: &mut PgConnection) -> Result<(usize, bool), StoreError> {
    let mut done = 0;
    for _ in 0..LATE_BATCHES {
        let (folded, more) = rollups::recompute_late(conn)?;
        done += folded;
        if !more {
            return Ok((done, false));
        }
    }
    Ok((done, true))
}
