//! Totals over devices, by the same judgement as lists of them.

use diesel::{
    dsl::sql,
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
};
use homepot::model::{DeviceSource, DeviceStatus, FleetSummary, SiteCount, SiteId, SiteScope};

use super::list::{FARES, Matching};
use crate::{
    StoreError, row,
    schema::{devices, sessions},
    scope::within,
};

/// Sites and device types that are told one by one.
const MOST: usize = 100;
const STATUSES: [DeviceStatus; 4] =
    [DeviceStatus::Unknown, DeviceStatus::Online, DeviceStatus::Offline, DeviceStatus::Maintenance];

/// Which devices are counted.
#[derive(Clone, Debug)]
pub struct SummaryFilter {
    /// Sites the caller may see.
    pub scope: SiteScope,
    /// One of them.
    pub site_id: Option<SiteId>,
    /// What they have in common.
    pub matching: Matching,
    /// Of this source; never of both.
    pub source: DeviceSource,
}

/// A row a total: over all of a source, and over each status, type and site of it. The names of what a total is not over are
/// null.
fn totals() -> String {
    format!(
        "devices.source, devices.site_id, devices.device_type, {FARES} AS fares, count(*), \
         count(*) FILTER (WHERE NOT devices.active), count(*) FILTER (WHERE {FARES} = 'online')"
    )
}

const OVER: &str = "\
GROUPING SETS ((devices.source), (devices.source, fares), (devices.source, devices.device_type),
    (devices.source, devices.site_id))";

type Total = (Nullable<Text>, Nullable<Text>, Nullable<Text>, Nullable<Text>, BigInt, BigInt, BigInt);
type TotalRow = (Option<String>, Option<String>, Option<String>, Option<String>, i64, i64, i64);

/// Counts devices that were not removed, in one statement, so that all totals are of one moment.
pub fn summarize(conn: &mut PgConnection, filter: &SummaryFilter) -> Result<FleetSummary, StoreError> {
    let mut query = devices::table
        .inner_join(sessions::table)
        .filter(devices::removed_at.is_null())
        .group_by(sql::<Text>(OVER))
        .select(sql::<Total>(&totals()))
        .into_boxed::<Pg>();
    query = within(query, devices::site_id, &filter.scope);
    if let Some(site_id) = &filter.site_id {
        query = query.filter(devices::site_id.eq(site_id.as_str()));
    }
    for condition in filter.matching.conditions() {
        query = query.filter(condition);
    }
    let rows: Vec<TotalRow> = query.load(conn)?;
    told(filter.source, rows)
}

fn told(source: DeviceSource, rows: Vec<TotalRow>) -> Result<FleetSummary, StoreError> {
    let mut summary = FleetSummary {
        source,
        total: 0,
        not_counted: 0,
        inactive: 0,
        by_status: STATUSES.map(|status| (status, 0)).into(),
        by_device_type: Vec::new(),
        device_types_left_out: 0,
        by_site: Vec::new(),
        sites_left_out: 0,
    };
    let number = |count: i64| u64::try_from(count).unwrap_or_default();
    for (of, site_id, device_type, fares, devices, inactive, online) in rows {
        let counted = of.as_deref() == Some(source.as_str());
        let (devices, inactive, online) = (number(devices), number(inactive), number(online));
        match (site_id, device_type, fares) {
            (None, None, None) if counted => (summary.total, summary.inactive) = (devices, inactive),
            (None, None, None) => summary.not_counted += devices,
            _ if !counted => {}
            (Some(site_id), ..) => {
                let site_id = row::checked("devices.site_id", &site_id)?;
                summary.by_site.push(SiteCount { site_id, devices, online });
            }
            (None, Some(device_type), _) => {
                let device_type = row::checked("devices.device_type", &device_type)?;
                summary.by_device_type.push((device_type, devices));
            }
            (None, None, Some(fares)) => {
                let fares: DeviceStatus = row::checked("devices.status", &fares)?;
                summary.by_status.iter_mut().filter(|(status, _)| *status == fares).for_each(|(_, n)| *n = devices);
            }
        }
    }
    summary.by_site.sort_unstable_by(|a, b| (b.devices, &a.site_id).cmp(&(a.devices, &b.site_id)));
    summary.by_device_type.sort_unstable_by(|a, b| (b.1, a.0.as_str()).cmp(&(a.1, b.0.as_str())));
    summary.sites_left_out = summary.by_site.len().saturating_sub(MOST);
    summary.device_types_left_out = summary.by_device_type.len().saturating_sub(MOST);
    summary.by_site.truncate(MOST);
    summary.by_device_type.truncate(MOST);
    Ok(summary)
}
