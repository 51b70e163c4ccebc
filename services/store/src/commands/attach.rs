//! What a device that attaches can no longer tell.

use diesel::{
    PgConnection, RunQueryDsl, sql_query,
    sql_types::{BigInt, Uuid as SqlUuid},
};
use homepot::model::CommandId;
use uuid::Uuid;

use crate::StoreError;

// An event of the model's machine: JournalLost, from sent and acknowledged. A poller's commands are not among them: it
// keeps no journal, and has its own bound.
const GIVE_UP: &str = "\
UPDATE commands c SET state = 'unknown', finished_at = now(), changed_at = now(),
    reason = 'the device has another journal than the one it was handed to, and can''t say whether it ran',
    history = history || jsonb_build_object('state', 'unknown', 'time', now(), 'cause',
        'the device attached with another journal than the one it was handed to')
FROM sessions s
WHERE s.device = $1 AND s.session_epoch = $2 AND c.device = s.device AND c.state IN ('sent', 'acknowledged')
    AND (NOT c.safe_to_repeat OR c.cancel_requested_at IS NOT NULL) AND c.session_epoch < s.session_epoch
    AND (s.journal_id IS NULL OR c.journal_id IS DISTINCT FROM s.journal_id)
RETURNING c.command_id";

#[derive(diesel::QueryableByName)]
struct GivenUp {
    #[diesel(sql_type = SqlUuid)]
    command_id: Uuid,
}

/// Ends as unknown what is not safe to repeat and was handed to a journal that the device no longer has. So is what is to
/// be taken back: this journal would say that it never ran, and does not know.
pub fn give_up_lost(conn: &mut PgConnection, pk: i64, epoch: i64) -> Result<Vec<CommandId>, StoreError> {
    let given_up: Vec<GivenUp> = sql_query(GIVE_UP).bind::<BigInt, _>(pk).bind::<BigInt, _>(epoch).load(conn)?;
    Ok(given_up.into_iter().map(|row| CommandId(row.command_id)).collect())
}
