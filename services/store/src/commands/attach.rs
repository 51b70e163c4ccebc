//! Ends commands whose outcome an attaching device can no longer know.

use diesel::{
    PgConnection, RunQueryDsl, sql_query,
    sql_types::{BigInt, Uuid as SqlUuid},
};
use homepot::model::CommandId;
use uuid::Uuid;

use super::by_index;
use crate::StoreError;

// An event of the model's machine: JournalLost, from sent and acknowledged. A poller's commands are not among them: it
// keeps no journal, and has its own bound.
const GIVE_UP: &str = "\
UPDATE commands c SET state = 'unknown', finished_at = now(), changed_at = now(),
    reason = 'the device has another journal than the one it was handed to, and can''t say whether it ran',
    history = history || history_step('unknown', now(),
        'the device attached with another journal than the one it was handed to')
FROM sessions s
WHERE s.device = $1 AND s.session_epoch = $2 AND c.device = s.device AND c.state IN ('sent', 'acknowledged')
    AND (NOT c.safe_to_repeat OR c.cancel_requested_at IS NOT NULL) AND c.session_epoch < s.session_epoch
    AND (s.journal_id IS NULL OR c.journal_id IS DISTINCT FROM s.journal_id)
RETURNING c.command_id";

// What a journal said is in its file, and stays there: commands until they end, and the ids of the last thousand that did.
// A command that was with several may have been moved on by another one's word.
const TOLD: &str = "\
WITH fence AS (
    SELECT journal_id FROM sessions WHERE device = $1 AND session_epoch = $2 AND journal_id IS NOT NULL
), open AS (
    SELECT command_id, journal_id, handed_on, state FROM commands
    WHERE device = $1 AND state IN ('sent', 'acknowledged') ORDER BY created_at, command_id LIMIT 256
), newest AS (
    SELECT command_id, journal_id, handed_on, state FROM ledger
    WHERE device = $1 ORDER BY created_at DESC, command_id DESC LIMIT 32
)
SELECT c.command_id FROM (SELECT * FROM open UNION SELECT * FROM newest) c JOIN fence USING (journal_id)
WHERE NOT c.handed_on AND c.state IN ('acknowledged', 'running', 'succeeded', 'failed')";

#[derive(diesel::QueryableByName)]
struct Id {
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
}

/// Ends as unknown what is not safe to repeat and was handed to a journal that the device no longer has. So is what is to
/// be taken back: this journal would say that it never ran, and does not know.
pub fn give_up_lost(conn: &mut PgConnection, pk: i64, epoch: i64) -> Result<Vec<CommandId>, StoreError> {
    ids(conn, GIVE_UP, pk, epoch)
}

/// Commands that the session's journal has told of, so that one that knows less can be told from it: all that it has
/// acknowledged and not started, and the newest of the others.
pub fn told_by_journal(conn: &mut PgConnection, pk: i64, epoch: i64) -> Result<Vec<CommandId>, StoreError> {
    by_index(conn, |conn| ids(conn, TOLD, pk, epoch))
}

fn ids(conn: &mut PgConnection, query: &str, pk: i64, epoch: i64) -> Result<Vec<CommandId>, StoreError> {
    let rows: Vec<Id> = sql_query(query).bind::<BigInt, _>(pk).bind::<BigInt, _>(epoch).load(conn)?;
    Ok(rows.into_iter().map(|row| CommandId(row.command_id)).collect())
}
