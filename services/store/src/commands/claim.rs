//! Handing commands to a device.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use homepot::model::{CommandId, Delivery};
use serde_json::Value;
use uuid::Uuid;

use crate::{StoreError, row};

// A session's claim is fenced: the lock on its row makes a newer session wait until this claim is done, and a newer
// session that came first leaves nothing to claim. What an older session was handed and nothing was heard of is
// handed over again, as the device answers that from its journal; a poller keeps none, so of what a poller fetched
// only the harmless is.
const BY_SESSION: &str = "\
WITH fence AS (
    SELECT 1 FROM sessions WHERE device = $1 AND session_epoch = $2 FOR SHARE
), picked AS (
    SELECT command_id FROM commands
    WHERE device = $1 AND state IN ('queued', 'sent') AND expires_at > now()
        AND (state = 'queued' OR session_epoch < $2 OR (safe_to_repeat AND session_epoch IS NULL))
        AND (SELECT count(*) FROM fence) = 1
    ORDER BY created_at, command_id LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE commands c SET state = 'sent', sent_at = coalesce(sent_at, now()), deliveries = deliveries + 1,
    session_epoch = $2
FROM picked WHERE c.command_id = picked.command_id
RETURNING c.command_id, c.command_type, c.payload, c.run_timeout_ms, c.created_at,
    ceil(extract(epoch FROM c.expires_at - now()) * 1000)::bigint AS time_to_live_ms";

// A poller gets all of it in one message, and a message that is too large to send would lose what may be handed over
// only once. So a claim ends with the command that reaches MAX_POLL_BYTES of payload; the rest comes with the next.
const BY_POLLER: &str = "\
WITH waiting AS (
    SELECT command_id, created_at, octet_length(payload::text) AS bytes FROM commands
    WHERE device = $1 AND state IN ('queued', 'sent') AND expires_at > now() AND (state = 'queued' OR safe_to_repeat)
    ORDER BY created_at, command_id LIMIT $2 FOR UPDATE SKIP LOCKED
), measured AS (
    SELECT command_id, sum(bytes) OVER (ORDER BY created_at, command_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
    FROM waiting
), picked AS (
    SELECT command_id FROM measured WHERE coalesce(bytes_before, 0) < $3
)
UPDATE commands c SET state = 'sent', sent_at = coalesce(sent_at, now()), deliveries = deliveries + 1,
    session_epoch = NULL
FROM picked WHERE c.command_id = picked.command_id
RETURNING c.command_id, c.command_type, c.payload, c.run_timeout_ms, c.created_at,
    ceil(extract(epoch FROM c.expires_at - now()) * 1000)::bigint AS time_to_live_ms";

/// With one more payload of 64 KiB, and five times that as protobuf at worst, still under a message's 1 MiB.
const MAX_POLL_BYTES: i64 = 96 * 1024;

#[derive(QueryableByName)]
struct Claimed {
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
    #[diesel(sql_type = BigInt)]
    time_to_live_ms: i64,
}

/// Marks up to `limit` commands as handed to the session of `epoch`, or to a poller, and tells them, oldest first.
/// A session that a newer one has replaced gets nothing.
pub fn claim(conn: &mut PgConnection, pk: i64, epoch: Option<i64>, limit: u32) -> Result<Vec<Delivery>, StoreError> {
    let limit = i64::from(limit);
    let mut claimed: Vec<Claimed> = match epoch {
        Some(epoch) => {
            sql_query(BY_SESSION).bind::<BigInt, _>(pk).bind::<BigInt, _>(epoch).bind::<BigInt, _>(limit).load(conn)?
        }
        None => sql_query(BY_POLLER)
            .bind::<BigInt, _>(pk)
            .bind::<BigInt, _>(limit)
            .bind::<BigInt, _>(MAX_POLL_BYTES)
            .load(conn)?,
    };
    // An UPDATE returns rows in no order.
    claimed.sort_by_key(|row| (row.created_at, row.command_id));
    claimed.into_iter().map(delivery).collect()
}

fn delivery(row: Claimed) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        command_id: CommandId(row.command_id),
        command_type: row::checked("commands.command_type", &row.command_type)?,
        payload: row::object("commands.payload", row.payload)?,
        time_to_live: std::time::Duration::from_millis(u64::try_from(row.time_to_live_ms).unwrap_or_default()),
        run_timeout: row::span(row.run_timeout_ms),
        created_at: row.created_at,
        server_time: None,
    })
}
