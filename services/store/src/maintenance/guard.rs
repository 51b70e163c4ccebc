//! Keeps maintenance from trusting a clock that has just jumped.
//!
//! What has expired is judged by the database's clock alone. If that clock is wrong by three weeks, the next round would drop
//! three weeks of data. So each round compares the clock with the time of the last round. A round that would lie more than
//! [`LEAP`] after it is held until the clock has run steadily, against the time since boot, for as long as it leapt and at most
//! for [`PROOF`]. A server that was really off for a month then keeps its data a day longer, which harms nobody. While devices'
//! clocks contradict the leap it is held until an operator confirms the clock (`homepot confirm-clock`).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    ExpressionMethods as _, PgConnection, QueryDsl as _, QueryableByName, RunQueryDsl as _, sql_query,
    sql_types::{BigInt, Nullable},
};
use parking_lot::Mutex;

use crate::{StoreError, clock, schema::maintenance_clock};

/// A round that lies further after the last one is held at first.
pub const LEAP: TimeDelta = TimeDelta::hours(1);
/// For how long a clock has to run steadily, at most, before a leap is believed.
pub const PROOF: Duration = Duration::from_secs(24 * 3600);
/// A clock that gains or loses less than this against the time since boot runs steadily.
const STEADY: TimeDelta = TimeDelta::seconds(30);
/// After a step back a clock is the new measure once it has run steadily for this long.
const SETTLED: Duration = Duration::from_secs(3600);

/// Why a round was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// How far the database's clock is after the last round.
    pub leap: TimeDelta,
    /// How long the clock still has to run steadily.
    pub left: Duration,
    /// The clocks of attached devices contradict the leap: only an operator can end the hold.
    pub contradicted: bool,
}

/// Watches the database's clock from round to round; one a process.
#[derive(Debug, Default)]
pub struct Guard(Mutex<Option<Run>>);

/// What a clock showed when it began to run steadily.
#[derive(Clone, Copy, Debug)]
struct Run {
    began: DateTime<Utc>,
    uptime: Duration,
}

impl Guard {
    /// Why a round at `now` has to wait, if it has to.
    pub(super) fn judge(
        &self,
        conn: &mut PgConnection,
        now: DateTime<Utc>,
        uptime: Duration,
    ) -> Result<Option<Hold>, StoreError> {
        let steady = self.steady_for(now, uptime);
        let leap = now - last_round(conn)?;
        if leap <= LEAP {
            return Ok(None);
        }
        let left = proof_of(leap).saturating_sub(steady);
        let contradicted = is_contradicted(skew_of_devices(conn)?, leap);
        Ok((contradicted || !left.is_zero()).then_some(Hold { leap, left, contradicted }))
    }

    /// A round at `now` was done: the next is measured by it. After a step back that is so only once the clock is settled, so
    /// that a clock that is wrong for a minute leaves no trace.
    pub(super) fn done(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
        let settled = self.steady_for(now, clock::uptime()) >= SETTLED;
        if settled || last_round(conn)? < now {
            diesel::update(maintenance_clock::table).set(maintenance_clock::last_round.eq(now)).execute(conn)?;
        }
        Ok(())
    }

    /// For how long the clock that shows `now` has run steadily.
    fn steady_for(&self, now: DateTime<Utc>, uptime: Duration) -> Duration {
        let mut run = self.0.lock();
        let steady = run.filter(|run| {
            let passed = TimeDelta::from_std(uptime.saturating_sub(run.uptime)).unwrap_or(TimeDelta::MAX);
            (now - run.began - passed).abs() <= STEADY
        });
        let run = run.insert(steady.unwrap_or(Run { began: now, uptime }));
        uptime.saturating_sub(run.uptime)
    }
}

fn proof_of(leap: TimeDelta) -> Duration {
    leap.to_std().unwrap_or_default().min(PROOF)
}

/// Whether devices' clocks, which are ahead of the server's by `skew`, say that the leap is none: then they are behind by
/// about as much.
fn is_contradicted(skew: Option<TimeDelta>, leap: TimeDelta) -> bool {
    skew.is_some_and(|skew| -skew > leap / 2)
}

fn last_round(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    Ok(maintenance_clock::table.select(maintenance_clock::last_round).first(conn)?)
}

#[derive(QueryableByName)]
struct Skew {
    #[diesel(sql_type = Nullable<BigInt>)]
    skew_ms: Option<i64>,
}

/// How far the clock of the attached device in the middle is ahead of the server's.
fn skew_of_devices(conn: &mut PgConnection) -> Result<Option<TimeDelta>, StoreError> {
    let found: Skew = sql_query(
        "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s.clock_skew_ms) AS skew_ms
        FROM sessions s JOIN devices d USING (device)
        WHERE s.attached_at IS NOT NULL AND NOT s.ended AND d.source = 'real'",
    )
    .get_result(conn)?;
    Ok(found.skew_ms.and_then(TimeDelta::try_milliseconds))
}

/// An operator says that the database's clock is right: the next round believes it.
pub fn confirm_clock(conn: &mut PgConnection) -> Result<DateTime<Utc>, StoreError> {
    let now = clock::database_now(conn)?;
    diesel::update(maintenance_clock::table).set(maintenance_clock::last_round.eq(now)).execute(conn)?;
    Ok(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_clock_is_steady_while_it_runs_as_the_time_since_boot_does() {
        let (guard, up) = (Guard::default(), |seconds: u64| Duration::from_secs(50 + seconds));
        assert_eq!(guard.steady_for(at(0), up(0)), Duration::ZERO);
        assert_eq!(guard.steady_for(at(3_600), up(3_610)), Duration::from_secs(3_610));
        let twenty_days = 20 * 86_400;
        assert_eq!(guard.steady_for(at(3_620 + twenty_days), up(3_620)), Duration::ZERO);
        assert_eq!(guard.steady_for(at(3_630 + twenty_days), up(3_630)), Duration::from_secs(10));
        assert_eq!(guard.steady_for(at(3_640), up(3_640)), Duration::ZERO);
    }

    #[test]
    fn a_longer_leap_needs_more_proof_up_to_a_day() {
        assert_eq!(proof_of(TimeDelta::hours(2)), Duration::from_secs(7_200));
        assert_eq!(proof_of(TimeDelta::days(21)), PROOF);
    }

    #[test]
    fn devices_contradict_a_leap_when_their_clocks_did_not_make_it() {
        let leap = TimeDelta::days(20);
        assert!(is_contradicted(Some(TimeDelta::days(-20)), leap));
        assert!(!is_contradicted(Some(TimeDelta::seconds(-3)), leap));
        assert!(!is_contradicted(None, leap));
    }
}
