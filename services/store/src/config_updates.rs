//! `UPDATE_CONFIG` for devices that take releases: values of the device's own and a rollout to it alone, with the row of the ledger.
//! All of it happens or none.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text, Uuid as SqlUuid},
};
use homepot::model::{
    Command, CommandId, CommandState, Event, ReleaseId, RolloutId, RolloutOrder, RolloutState, UpdateState,
    VariableName,
};
use serde_json::json;
use uuid::Uuid;

use crate::{
    StoreError,
    commands::{self, Inserted, NewRow, Speaker, Word},
    rollouts::{self, Candidate, IN_FLIGHT, Settled, Started},
    row,
    runs::Starter,
    schema::{command_rollouts, device_updates, devices, releases, rollout_devices, rollouts as rollouts_table},
    values::{self, Content, Owner},
};

/// Commands that one step settles.
const STEP: i64 = 1_000;

/// The release that operators last told a device to have: its id and name. What mended drift since brought nothing new.
pub fn release_of(conn: &mut PgConnection, pk: i64) -> Result<Option<(ReleaseId, String)>, StoreError> {
    let told: Option<(Uuid, String)> = rollout_devices::table
        .inner_join(rollouts_table::table.inner_join(releases::table))
        .filter(rollout_devices::device.eq(pk))
        .filter(rollout_devices::generation.is_not_null())
        .filter(rollouts_table::mends_drift.eq(false))
        .order(rollout_devices::generation.desc())
        .select((releases::release_id, releases::name))
        .first(conn)
        .optional()?;
    if let Some((id, name)) = told {
        return Ok(Some((ReleaseId(id), name)));
    }
    // Its rollouts ended so long ago that they are no longer kept.
    let found: Option<(Uuid, String)> = device_updates::table
        .inner_join(releases::table)
        .filter(device_updates::device.eq(pk))
        .select((releases::release_id, releases::name))
        .first(conn)
        .optional()?;
    Ok(found.map(|(id, name)| (ReleaseId(id), name)))
}

/// Whether a device takes releases.
pub fn takes_releases(conn: &mut PgConnection, pk: i64) -> Result<bool, StoreError> {
    let reports = device_updates::table.find(pk).select(device_updates::reported_at.is_not_null());
    Ok(reports.first(conn).optional()?.unwrap_or_default())
}

/// The release of a name and a version.
pub fn release_named(conn: &mut PgConnection, name: &str, version: &str) -> Result<Option<ReleaseId>, StoreError> {
    let query = releases::table.filter(releases::name.eq(name)).filter(releases::version.eq(version));
    Ok(query.select(releases::release_id).first(conn).optional()?.map(ReleaseId))
}

/// Queues the command: the device's own values change as `patch` says (`None`: the value goes), and the rollout starts.
pub fn queue(
    conn: &mut PgConnection,
    row: &NewRow,
    patch: &[(VariableName, Option<String>)],
    rollout_id: RolloutId,
    order: &RolloutOrder,
    starter: &Starter,
    settle: impl FnOnce(&mut PgConnection, &[Candidate]) -> Result<Vec<Settled>, StoreError>,
) -> Result<Inserted, StoreError> {
    conn.transaction(|conn| {
        // Two of one device follow each other, and each sees what the other set.
        let locked = devices::table.find(row.pk).select(devices::device).for_no_key_update();
        let _: i64 = locked.first(conn)?;
        let inserted = commands::insert(conn, std::slice::from_ref(row))?.pop();
        let Some(Inserted::New(_)) = inserted else {
            return inserted.ok_or_else(|| diesel::result::Error::NotFound.into());
        };
        let owner = Owner::device(row.pk);
        for (variable, value) in patch {
            match value {
                Some(text) => {
                    drop(values::set(conn, variable, &owner, &Content::Clear(text.clone()), &row.created_by)?)
                }
                None => drop(values::delete(conn, variable, &owner)?),
            }
        }
        let started = rollouts::insert(conn, rollout_id, order, starter, settle)?;
        diesel::insert_into(command_rollouts::table)
            .values((command_rollouts::command_id.eq(row.command_id.0), command_rollouts::rollout_id.eq(rollout_id.0)))
            .execute(conn)?;
        let brings = match started {
            Started::New(rollout) if rollout.state == RolloutState::AwaitingApproval => {
                format!("rollout {rollout_id} brings it, once another operator approves that")
            }
            Started::New(_) | Started::Existing(_) => format!("rollout {rollout_id} brings it"),
        };
        let word = |event| Word {
            command_id: row.command_id,
            speaker: Speaker::Operator,
            event,
            result: None,
            reason: Some(brings.clone()),
        };
        let changed = commands::change(conn, &[word(Event::HandedOver), word(Event::Started)])?;
        let command = changed.into_iter().filter_map(done).next_back();
        command.map(Inserted::New).ok_or_else(|| diesel::result::Error::NotFound.into())
    })
}

fn done(changed: commands::Changed) -> Option<Command> {
    match changed {
        commands::Changed::Done(command) | commands::Changed::Repeat(command) => Some(command),
        commands::Changed::Refused(..) | commands::Changed::Missing => None,
    }
}

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    generation: Option<i64>,
    #[diesel(sql_type = Text)]
    release: String,
}

const ENDED: &str = "\
SELECT c.command_id, d.state, d.reason, d.generation, e.name || ' ' || e.version AS release
FROM command_rollouts c JOIN commands k USING (command_id) JOIN rollouts r USING (rollout_id)
    JOIN releases e USING (release_id) JOIN rollout_devices d ON d.rollout_id = c.rollout_id
WHERE c.settled_at IS NULL AND d.state <> 'waiting' AND d.state NOT IN IN_FLIGHT
    AND (d.state <> 'unreachable' OR k.state = 'running')
ORDER BY c.command_id LIMIT $1 FOR UPDATE OF c SKIP LOCKED";

/// Ends the commands whose devices have ended: they succeed only where the device has proved it. One of which nothing was heard ends
/// as unknown, until it is heard of.
pub fn settle(conn: &mut PgConnection) -> Result<Vec<Command>, StoreError> {
    conn.transaction(|conn| {
        let ended: Vec<Ended> = sql_query(ENDED.replace("IN_FLIGHT", IN_FLIGHT)).bind::<BigInt, _>(STEP).load(conn)?;
        if ended.is_empty() {
            return Ok(Vec::new());
        }
        let (mut words, mut settled) = (Vec::new(), Vec::new());
        for Ended { command_id, state, reason, generation, release } in ended {
            let state: UpdateState = row::checked("rollout_devices.state", &state)?;
            let mut result = None;
            let (event, told) = match state {
                UpdateState::Confirmed => {
                    let proved = json!({ "verified": true, "release": release, "generation": generation });
                    result = proved.as_object().cloned();
                    (
                        Event::Ended(CommandState::Succeeded),
                        format!("the device has proved that it has release {release}"),
                    )
                }
                UpdateState::Unreachable => (Event::BoundOver, "nothing was heard of the device".to_owned()),
                state => {
                    let state = state.as_str().replace('_', " ");
                    let told = reason.map_or_else(|| state.clone(), |reason| format!("{state}: {reason}"));
                    (Event::Ended(CommandState::Failed), told)
                }
            };
            if state != UpdateState::Unreachable {
                settled.push(command_id);
            }
            let command_id = CommandId(command_id);
            words.push(Word { command_id, speaker: Speaker::Operator, event, result, reason: Some(told) });
        }
        let changed = commands::change(conn, &words)?;
        diesel::update(command_rollouts::table.filter(command_rollouts::command_id.eq_any(settled)))
            .set(command_rollouts::settled_at.eq(row::database_time().nullable()))
            .execute(conn)?;
        Ok(changed.into_iter().filter_map(done).collect())
    })
}
