//! How many rollouts there are that have not ended, and where their devices stand: for the metrics.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use homepot::model::{DeviceSource, RolloutState, UpdateState};

use crate::{StoreError, row};

/// Rollouts that have not ended, and their devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By state, and by the source of the devices that they are for: one for devices named by their ids counts as real.
    pub rollouts: Vec<(RolloutState, DeviceSource, i64)>,
    /// Their devices, by state and source.
    pub devices: Vec<(UpdateState, DeviceSource, i64)>,
}

const ROLLOUTS: &str = "\
SELECT state, coalesce(target->>'source', 'real') AS source, count(*) AS number
FROM rollouts WHERE state NOT IN ('completed', 'aborted') GROUP BY 1, 2";

const DEVICES: &str = "\
SELECT d.state, v.source, count(*) AS number
FROM rollouts r JOIN rollout_devices d USING (rollout_id) JOIN devices v USING (device)
WHERE r.state NOT IN ('completed', 'aborted') GROUP BY 1, 2";

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Counts them.
pub fn counts(conn: &mut PgConnection) -> Result<Counts, StoreError> {
    let mut counted = |sql: &str| sql_query(sql).load::<Counted>(conn);
    let (rollouts, devices) = (counted(ROLLOUTS)?, counted(DEVICES)?);
    let source = |counted: &Counted| row::checked("devices.source", &counted.source);
    let of_rollout =
        |counted: Counted| Ok((row::checked("rollouts.state", &counted.state)?, source(&counted)?, counted.number));
    let of_device = |counted: Counted| {
        Ok((row::checked("rollout_devices.state", &counted.state)?, source(&counted)?, counted.number))
    };
    Ok(Counts {
        rollouts: rollouts.into_iter().map(of_rollout).collect::<Result<_, StoreError>>()?,
        devices: devices.into_iter().map(of_device).collect::<Result<_, StoreError>>()?,
    })
}
