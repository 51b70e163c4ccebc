//! Update policies of sites.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    select, sql_query,
    sql_types::{BigInt, Text},
};
use homepot::model::{SiteId, SitePolicy, UpdatePolicy};

use super::window::{Opening, opening};
use crate::{StoreError, row, schema::site_update_policies as policies};

type Row = (String, Vec<String>, bool, String, DateTime<Utc>);

/// Reads the columns of a policy back.
pub(super) fn read(time_zone: String, windows: &[String], needs_approval: bool) -> Result<UpdatePolicy, StoreError> {
    let window = |window: &String| row::checked("site_update_policies.windows", window);
    let windows = windows.iter().map(window).collect::<Result<_, _>>()?;
    Ok(UpdatePolicy { time_zone, windows, needs_approval })
}

/// The policy of a site that is there, and what it means now.
pub fn find_policy(conn: &mut PgConnection, site_id: &SiteId) -> Result<SitePolicy, StoreError> {
    let found: Option<Row> = policies::table
        .find(site_id.as_str())
        .select((
            policies::time_zone,
            policies::windows,
            policies::needs_approval,
            policies::changed_by,
            policies::changed_at,
        ))
        .first(conn)
        .optional()?;
    let (policy, changed) = match found {
        None => (UpdatePolicy::default(), None),
        Some((time_zone, windows, needs_approval, changed_by, changed_at)) => {
            (read(time_zone, &windows, needs_approval)?, Some((changed_by, changed_at)))
        }
    };
    let now: DateTime<Utc> = select(row::database_time()).get_result(conn)?;
    let (is_open, opens_at) = match opening(&policy, now) {
        Opening::Open => (true, None),
        Opening::Opens(at) => (false, at),
    };
    Ok(SitePolicy { policy, is_open, opens_at, changed })
}

/// Sets the policy of a site that is there. Tells which devices are to ask again, because they wait for a window.
pub fn set_policy(
    conn: &mut PgConnection,
    site_id: &SiteId,
    policy: &UpdatePolicy,
    changed_by: &str,
) -> Result<Vec<i64>, StoreError> {
    #[derive(QueryableByName)]
    struct Device {
        #[diesel(sql_type = BigInt)]
        device: i64,
    }
    const ASK: &str = "\
        UPDATE device_updates SET asks = asks + 1 WHERE device IN (SELECT r.device FROM rollout_devices r \
            JOIN devices d USING (device) WHERE r.waits_for IS NOT NULL AND r.waits_for = 'window' AND d.site_id = $1) \
        RETURNING device";
    let windows: Vec<_> = policy.windows.iter().map(ToString::to_string).collect();
    let values = (
        policies::time_zone.eq(&policy.time_zone),
        policies::windows.eq(&windows),
        policies::needs_approval.eq(policy.needs_approval),
        policies::changed_by.eq(changed_by),
        policies::changed_at.eq(row::database_time()),
    );
    conn.transaction(|conn| {
        diesel::insert_into(policies::table)
            .values((policies::site_id.eq(site_id.as_str()), values))
            .on_conflict(policies::site_id)
            .do_update()
            .set(values)
            .execute(conn)?;
        let devices: Vec<Device> = sql_query(ASK).bind::<Text, _>(site_id.as_str()).load(conn)?;
        Ok(devices.into_iter().map(|device| device.device).collect())
    })
}
