//! A ledger that has been in use: commands that ended, so that a run shows whether they slow down those under way.

use crate::{host::Psql, report::step};

/// Commands that one statement adds.
const PART: usize = 250_000;

/// Adds so many commands that succeeded during the last 300 days, spread over all devices.
pub(super) async fn fill(psql: &Psql, count: usize) -> anyhow::Result<()> {
    if count == 0 {
        return Ok(());
    }
    step(&format!("command-rate: {count} commands that have ended"));
    psql.run("SELECT make_partitions('commands_ended', (now() - interval '300 days')::date, now()::date)").await?;
    for first in (0..count).step_by(PART) {
        let last = (first + PART).min(count) - 1;
        // Ids begin with their time, as the server's do.
        psql.run(&format!(
            "WITH ended AS (
                SELECT n, now() - interval '300 days' * (1 - n / {count}::float8) AS at,
                    (SELECT min(device) FROM devices) + n % (SELECT count(*) FROM devices) AS device
                FROM generate_series({first}, {last}) AS n
            )
            INSERT INTO commands_ended (command_id, device, command_type, state, created_by, safe_to_repeat, deliveries,
                run_timeout_ms, session_epoch, created_at, expires_at, sent_at, acknowledged_at, started_at, finished_at,
                journal_id, changed_at, history, filed_at)
            SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
                    || '8' || lpad(to_hex(n), 15, '0'))::uuid,
                device, 'PING', 'succeeded', 'admin', true, 1, 300000, 1, at, at + interval '1 day', at, at, at, at, 'bench',
                at, (SELECT jsonb_agg(history_step(state, at, 'of the benchmark'))
                    FROM unnest(ARRAY['queued', 'sent', 'acknowledged', 'running', 'succeeded']) AS state), at
            FROM ended"
        ))
        .await?;
    }
    psql.run("ANALYZE commands_ended").await?;
    psql.run("CHECKPOINT").await.map(drop)
}
