//! Handing commands to devices, and asking for them back.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{CommandId, Delivery};
use serde_json::Value;
use uuid::Uuid;

use super::by_index;
use crate::{StoreError, row, statement::Statement};

/// What a session wants to hand over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The device.
    pub pk: i64,
    /// The session.
    pub epoch: i64,
    /// An earlier claim of this session went unanswered, so what it marked may not have been handed over.
    pub again: bool,
}

/// What a session is to hand over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Handed {
    /// Commands, oldest first.
    pub deliveries: Vec<Delivery>,
    /// The places in traces of the calls that queued some of these.
    pub traces: HashMap<CommandId, String>,
    /// Commands the device is to take back, with who asked and why.
    pub cancellations: Vec<(CommandId, String)>,
}

/// Commands that one claim hands over, as its statement has it; whoever gets as many asks again.
pub const CLAIM_LIMIT: usize = 16;
const _: () = assert!(CLAIM_LIMIT == 16, "the statement below says so too");

// A session's claim is fenced: the lock on its row makes a newer session wait until this claim is done, and a newer
// session that came first leaves nothing to claim. What the device did not finish under an older session, and may have
// lost sight of, is handed over again with what is left of its time to live, as the device answers that from its journal:
// what is safe to repeat to any, the rest only to the journal it was handed to before. To that one also when the time is
// over: it then says so, instead of leaving it to the bound. A session that does not know what became of an earlier claim
// of its own is handed that again. The time of it is taken under the row's lock: now() may lie before the command was
// queued, for it is when this transaction began.
const BY_SESSION: &str = "\
WITH wanted AS (SELECT * FROM unnest({arrays}) AS w ({columns})), fence AS (
    SELECT s.device, s.session_epoch, s.journal_id, w.again
    FROM sessions s JOIN wanted w ON w.device = s.device AND w.epoch = s.session_epoch
    ORDER BY s.device FOR SHARE OF s
), picked AS (
    SELECT f.session_epoch, f.journal_id, c.command_id, clock_timestamp() AS at
    FROM fence f CROSS JOIN LATERAL (
        SELECT command_id FROM commands
        WHERE device = f.device AND state IN ('queued', 'sent', 'acknowledged') AND cancel_requested_at IS NULL
            AND CASE
                WHEN state = 'queued' THEN expires_at > now()
                WHEN session_epoch = f.session_epoch THEN f.again AND state = 'sent'
                    AND (safe_to_repeat OR journal_id IS NOT NULL)
                ELSE journal_id = f.journal_id OR (safe_to_repeat AND expires_at > now())
            END
        ORDER BY created_at, command_id LIMIT 16 FOR NO KEY UPDATE SKIP LOCKED
    ) c
)
UPDATE commands c SET state = CASE c.state WHEN 'queued' THEN 'sent' ELSE c.state END,
    sent_at = coalesce(sent_at, picked.at), deliveries = deliveries + 1, session_epoch = picked.session_epoch,
    journal_id = picked.journal_id, changed_at = now(),
    handed_on = handed_on OR (c.state <> 'queued' AND c.journal_id IS DISTINCT FROM picked.journal_id),
    history = CASE c.state WHEN 'queued' THEN
        history || history_step('sent', picked.at, 'handed to the device in session ' || picked.session_epoch)
        ELSE history END
FROM picked WHERE c.command_id = picked.command_id
RETURNING c.device, c.command_id, c.command_type, c.payload, c.run_timeout_ms, c.created_at, c.requested_type,
    floor(extract(epoch FROM c.expires_at - clock_timestamp()) * 1000)::bigint AS time_to_live_ms,
    c.history -> 0 ->> 'traceparent' AS trace";

// Told once a session; the next session of the device is told again. Only the journal that has the command can say that
// it never ran, so no other is asked; if that one does not come back, the command ends as unknown.
const TO_CANCEL: &str = "\
WITH wanted AS (SELECT * FROM unnest({arrays}) AS w ({columns})), picked AS (
    SELECT c.command_id, w.epoch
    FROM wanted w JOIN sessions s ON s.device = w.device AND s.session_epoch = w.epoch
    JOIN commands c ON c.device = w.device
    WHERE c.cancel_requested_at IS NOT NULL AND c.state IN ('sent', 'acknowledged')
        AND (w.again OR c.cancel_told IS DISTINCT FROM w.epoch)
        AND (c.session_epoch = w.epoch OR c.journal_id = s.journal_id)
    ORDER BY c.command_id FOR NO KEY UPDATE OF c SKIP LOCKED
)
UPDATE commands c SET cancel_told = picked.epoch
FROM picked WHERE c.command_id = picked.command_id
RETURNING c.device, c.command_id, coalesce(c.cancel_cause, '') AS cause";

// A poller gets all of it in one message, and a message that is too large to send would lose what may be handed over
// only once. So a claim ends with the command that reaches MAX_POLL_BYTES of payload; the rest comes with the next.
const BY_POLLER: &str = "\
WITH waiting AS (
    SELECT command_id, created_at, octet_length(payload::text) AS bytes FROM commands
    WHERE device = $1 AND state IN ('queued', 'sent') AND expires_at > now() AND cancel_requested_at IS NULL
        AND (state = 'queued' OR safe_to_repeat)
    ORDER BY created_at, command_id LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED
), measured AS (
    SELECT command_id, sum(bytes) OVER (ORDER BY created_at, command_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
    FROM waiting
), picked AS (
    SELECT command_id, clock_timestamp() AS at FROM measured WHERE coalesce(bytes_before, 0) < $3
)
UPDATE commands c SET state = 'sent', sent_at = coalesce(sent_at, picked.at), deliveries = deliveries + 1,
    session_epoch = NULL, journal_id = NULL, changed_at = now(),
    handed_on = handed_on OR (c.state <> 'queued' AND c.session_epoch IS NOT NULL),
    history = CASE c.state WHEN 'queued' THEN history || history_step('sent', picked.at, 'fetched by the device') ELSE history END
FROM picked WHERE c.command_id = picked.command_id
RETURNING c.device, c.command_id, c.command_type, c.payload, c.run_timeout_ms, c.created_at, c.requested_type,
    floor(extract(epoch FROM c.expires_at - clock_timestamp()) * 1000)::bigint AS time_to_live_ms,
    c.history -> 0 ->> 'traceparent' AS trace";

/// With one more payload of 64 KiB, and five times that as protobuf at worst, still under a message's 1 MiB.
const MAX_POLL_BYTES: i64 = 96 * 1024;

#[derive(QueryableByName)]
struct Claimed {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
    #[diesel(sql_type = Text)]
    command_type: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    payload: Option<Value>,
    #[diesel(sql_type = Integer)]
    run_timeout_ms: i32,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    requested_type: Option<String>,
    #[diesel(sql_type = BigInt)]
    time_to_live_ms: i64,
    #[diesel(sql_type = Nullable<Text>)]
    trace: Option<String>,
}

#[derive(QueryableByName)]
struct ToCancel {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
    #[diesel(sql_type = Text)]
    cause: String,
}

/// A statement over the sessions that claim, prepared: to plan these takes Postgres longer than to run them for one session.
fn for_claims<'a>(sql: &'a str, claims: &[Claim]) -> Statement<'a> {
    Statement::prepared(sql)
        .column::<BigInt, _>("device", claims.iter().map(|claim| claim.pk))
        .column::<BigInt, _>("epoch", claims.iter().map(|claim| claim.epoch))
        .column::<Bool, _>("again", claims.iter().map(|claim| claim.again))
}

/// Marks up to [`CLAIM_LIMIT`] commands a session as handed to it, and tells them; with what is to be taken back. A session
/// that a newer one has replaced gets nothing.
pub fn claim(conn: &mut PgConnection, claims: &[Claim]) -> Result<Vec<Handed>, StoreError> {
    let (claimed, to_cancel) = by_index(conn, |conn| {
        let claimed: Vec<Claimed> = for_claims(BY_SESSION, claims).load(conn)?;
        let to_cancel: Vec<ToCancel> = for_claims(TO_CANCEL, claims).load(conn)?;
        Ok((claimed, to_cancel))
    })?;
    let mut handed = vec![Handed::default(); claims.len()];
    // By device and session: of two sessions of one device in a batch, the newest has it all.
    let mut places: HashMap<i64, usize> = HashMap::with_capacity(claims.len());
    for (place, claim) in claims.iter().enumerate() {
        let best = places.entry(claim.pk).or_insert(place);
        if claims[*best].epoch < claim.epoch {
            *best = place;
        }
    }
    for row in oldest_first(claimed) {
        if let Some(place) = places.get(&row.device) {
            let handed = &mut handed[*place];
            handed.traces.extend(row.trace.clone().map(|trace| (CommandId(row.command_id), trace)));
            handed.deliveries.push(delivery(row)?);
        }
    }
    for row in to_cancel {
        if let Some(place) = places.get(&row.device) {
            handed[*place].cancellations.push((CommandId(row.command_id), row.cause));
        }
    }
    Ok(handed)
}

/// Marks up to `limit` commands as handed to a device that polls, and tells them, oldest first.
pub fn claim_by_poller(conn: &mut PgConnection, pk: i64, limit: u32) -> Result<Vec<Delivery>, StoreError> {
    let claimed: Vec<Claimed> = sql_query(BY_POLLER)
        .bind::<BigInt, _>(pk)
        .bind::<BigInt, _>(i64::from(limit))
        .bind::<BigInt, _>(MAX_POLL_BYTES)
        .load(conn)?;
    oldest_first(claimed).into_iter().map(delivery).collect()
}

/// An UPDATE returns rows in no order.
fn oldest_first(mut claimed: Vec<Claimed>) -> Vec<Claimed> {
    claimed.sort_by_key(|row| (row.created_at, row.command_id));
    claimed
}

fn delivery(row: Claimed) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        command_id: CommandId(row.command_id),
        command_type: row::command_type("commands.command_type", &row.command_type, row.requested_type)?,
        payload: row::object("commands.payload", row.payload)?,
        time_to_live: Duration::from_millis(u64::try_from(row.time_to_live_ms).unwrap_or_default()),
        run_timeout: row::span(row.run_timeout_ms),
        created_at: row.created_at,
        // By the clock that the session told its device of; the database's may be another.
        server_time: None,
    })
}
