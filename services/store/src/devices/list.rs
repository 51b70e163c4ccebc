//! Lists of devices: which of them, and in which order.

use diesel::{
    dsl::sql,
    pg::Pg,
    prelude::*,
    sql_types::{Bool, Text},
};
use homepot::{
    Error,
    model::{Device, DeviceOrder, DeviceSelection, DeviceStatus, DeviceType, LabelSelector, Page, PageRequest, Weigh},
};

use super::{Row, SessionRow, device, labels};
use crate::{
    StoreError, paging,
    schema::{devices, sessions},
    scope::selected,
};

/// Devices that are read at once: each may have a configuration of 16 KiB.
pub(super) const CHUNK: u32 = 128;

/// How a device fares, by the same judgement as `Presence::status`.
pub(super) const FARES: &str = "\
CASE WHEN devices.maintenance THEN 'maintenance' WHEN sessions.last_seen_at IS NULL THEN 'unknown'
    WHEN is_online(sessions.ended, sessions.last_seen_at, sessions.heartbeat_ms) THEN 'online' ELSE 'offline' END";

/// What devices of a list or of a total have in common.
#[derive(Clone, Debug, Default)]
pub struct Matching {
    /// In this status only.
    pub status: Option<DeviceStatus>,
    /// With such labels only.
    pub selector: Option<LabelSelector>,
    /// Of this type only.
    pub device_type: Option<DeviceType>,
    /// Only those that are active, or only those that are shut out.
    pub active: Option<bool>,
    /// With this text in the id, the name, the site's id or a label's value, whatever its case; empty: any.
    pub search: String,
}

impl Matching {
    pub(super) fn conditions(&self) -> Vec<labels::Condition> {
        let mut conditions: Vec<_> = self.selector.iter().flat_map(labels::conditions).collect();
        if let Some(status) = self.status {
            conditions.push(Box::new(sql::<Bool>(FARES).sql(" = ").bind::<Text, _>(status.as_str())));
        }
        if let Some(device_type) = &self.device_type {
            conditions.push(Box::new(devices::device_type.eq(device_type.to_string())));
        }
        if let Some(active) = self.active {
            conditions.push(Box::new(devices::active.eq(active)));
        }
        if !self.search.is_empty() {
            conditions.push(Box::new(
                sql::<Bool>("EXISTS (SELECT FROM unnest(ARRAY[devices.device_id, devices.name, devices.site_id] || ")
                    .sql("ARRAY(SELECT value FROM jsonb_each_text(devices.labels))) AS told WHERE told ILIKE ")
                    .bind::<Text, _>(containing(&self.search))
                    .sql(")"),
            ));
        }
        conditions
    }
}

/// A pattern of LIKE for what contains `text`; what LIKE gives a meaning stands for itself.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Which devices to list, and how.
#[derive(Clone, Debug)]
pub struct DeviceFilter {
    /// Where they are.
    pub selection: DeviceSelection,
    /// What they have in common.
    pub matching: Matching,
    /// What they are sorted by; equals follow one another by device id.
    pub order: DeviceOrder,
    /// Whether the order is turned round.
    pub descending: bool,
}

impl DeviceFilter {
    /// All of a selection, by device id.
    pub fn of(selection: DeviceSelection) -> Self {
        Self { selection, matching: Matching::default(), order: DeviceOrder::default(), descending: false }
    }

    /// What a device is sorted by, as a text.
    fn sorted_by(&self) -> String {
        match self.order {
            DeviceOrder::Id => "devices.device_id".to_owned(),
            DeviceOrder::Name => "lower(devices.name)".to_owned(),
            DeviceOrder::Site => "devices.site_id".to_owned(),
            DeviceOrder::Type => "devices.device_type".to_owned(),
            DeviceOrder::Status => {
                format!("array_position(ARRAY['offline', 'maintenance', 'unknown', 'online'], {FARES})::text")
            }
            // Who was never heard has been silent the longest.
            DeviceOrder::LastSeen => {
                "coalesce(to_char(sessions.last_seen_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS'), '')".to_owned()
            }
        }
    }

    /// The key of a page that ends with this device. It names the order, as a key of another one would leave devices out.
    fn key(&self, listed: &Listed) -> String {
        let turned = if self.descending { "-" } else { "" };
        format!("{}{turned}\n{}\n{}", self.order.as_str(), listed.sorted_by, listed.device.device_id)
    }

    /// What the device was sorted by after which the page begins, and its id.
    fn after(&self, page: &PageRequest) -> Result<Option<(String, String)>, StoreError> {
        let Some(key) = &page.after else { return Ok(None) };
        let mut parts = key.splitn(2, '\n');
        let turned = if self.descending { "-" } else { "" };
        let of_this_order = parts.next() == Some(&format!("{}{turned}", self.order.as_str()));
        // A name may hold a line break, an id does not.
        let place = parts.next().and_then(|rest| rest.rsplit_once('\n')).filter(|_| of_this_order);
        let fault = || Error::invalid("page_token", "is not a token that this list gave");
        Ok(place.map(|(sorted_by, id)| Some((sorted_by.to_owned(), id.to_owned()))).ok_or_else(fault)?)
    }
}

/// A device, and what it was sorted by when it was read.
struct Listed {
    device: Device,
    sorted_by: String,
}

impl Weigh for Listed {
    fn weight(&self) -> usize {
        self.device.weight()
    }
}

/// A page of devices; none that was removed.
pub fn list(conn: &mut PgConnection, filter: &DeviceFilter, page: &PageRequest) -> Result<Page<Device>, StoreError> {
    let key = |listed: &Listed| filter.key(listed);
    let Page { items, next } = paging::by_bytes(page, CHUNK, key, |page| chunk(conn, filter, page))?;
    Ok(Page { items: items.into_iter().map(|listed| listed.device).collect(), next })
}

fn chunk(conn: &mut PgConnection, filter: &DeviceFilter, page: &PageRequest) -> Result<Page<Listed>, StoreError> {
    let sorted_by = filter.sorted_by();
    let mut query = devices::table
        .inner_join(sessions::table)
        .filter(devices::removed_at.is_null())
        .select((Row::as_select(), SessionRow::as_select(), sql::<Text>(&sorted_by)))
        .into_boxed::<Pg>();
    query = selected(query, &filter.selection);
    for condition in filter.matching.conditions() {
        query = query.filter(condition);
    }
    let (direction, beyond) = if filter.descending { ("DESC", "<") } else { ("ASC", ">") };
    if let Some((sorted, id)) = filter.after(page)? {
        query = match filter.order {
            // Unique, and with an index.
            DeviceOrder::Id => query.filter(sql::<Bool>(&format!("devices.device_id {beyond} ")).bind::<Text, _>(id)),
            _ => query.filter(
                sql::<Bool>(&format!("({sorted_by} COLLATE \"C\" {beyond} "))
                    .bind::<Text, _>(sorted.clone())
                    .sql(&format!(" OR ({sorted_by} COLLATE \"C\" = "))
                    .bind::<Text, _>(sorted)
                    .sql(" AND devices.device_id > ")
                    .bind::<Text, _>(id)
                    .sql("))"),
            ),
        };
    }
    let order = match filter.order {
        DeviceOrder::Id => format!("devices.device_id {direction}"),
        _ => format!("{sorted_by} COLLATE \"C\" {direction}, devices.device_id"),
    };
    let rows: Vec<(Row, SessionRow, String)> =
        query.order(sql::<Text>(&order)).limit(paging::limit(page)).load(conn)?;
    let listed = |(row, session, sorted_by)| Ok::<_, StoreError>(Listed { device: device((row, session))?, sorted_by });
    let items = rows.into_iter().map(listed).collect::<Result<_, _>>()?;
    Ok(Page::cut(items, page.size, |listed| filter.key(listed)))
}
