//! Postgres alone: rows of the ledger's own table, with its indexes and its reference to devices, go through the same five
//! states in the same batches, a commit a batch and state, through as many connections as the server's batches have.
//!
//! It is what the work on rows costs at least when it is done command by command and state by state; a server that does
//! several words of one command in one statement can go beyond it. No rules are checked, nobody is asked who may, and no
//! byte goes to a device.

use std::fmt::Write as _;

use tokio::time::Instant;

use crate::host::Psql;

/// Rows of a batch, and batches at a time, as in the server.
const BATCH: usize = 256;
const LANES: usize = 2;

/// What becomes of a row after it is there: the state, and what else is set then.
const STATES: [(&str, &str); 4] = [
    ("sent", "sent_at = now(), deliveries = 1, session_epoch = 1, journal_id = 'bench'"),
    ("acknowledged", "acknowledged_at = now()"),
    ("running", "started_at = now()"),
    ("succeeded", "finished_at = now()"),
];

/// Commands a second.
pub(super) async fn measure(psql: &Psql, devices: usize, commands: usize) -> anyhow::Result<f64> {
    psql.script(
        "CREATE SCHEMA bare; CREATE TABLE bare.commands (LIKE commands INCLUDING ALL);
        ALTER TABLE bare.commands ADD FOREIGN KEY (device) REFERENCES devices;
        CHECKPOINT;",
    )
    .await?;
    let batches = commands.div_ceil(BATCH * LANES).max(1);
    let scripts: Vec<_> = (0..LANES).map(|lane| script(lane, batches, devices)).collect();
    let start = Instant::now();
    tokio::try_join!(psql.script(&scripts[0]), psql.script(&scripts[1]))?;
    let took = start.elapsed();
    let done = psql.number("SELECT count(*) FROM bare.commands WHERE state = 'succeeded'").await?;
    anyhow::ensure!(done == (batches * BATCH * LANES) as f64, "only {done} rows came to their end");
    Ok(done / took.as_secs_f64())
}

fn script(lane: usize, batches: usize, devices: usize) -> String {
    let mut script = String::new();
    for batch in 0..batches {
        let first = (batch * LANES + lane) * BATCH;
        // Growing, as the server's are.
        let ids = format!("FROM generate_series({first}, {}) AS n", first + BATCH - 1);
        let id = "lpad(to_hex(n), 32, '0')::uuid";
        let step =
            |state: &str| format!("jsonb_build_object('state', '{state}', 'time', now(), 'cause', 'of the benchmark')");
        let _ = writeln!(
            script,
            "INSERT INTO bare.commands (command_id, device, command_type, created_by, safe_to_repeat, run_timeout_ms, \
             expires_at, history) SELECT {id}, (SELECT min(device) FROM devices) + n % {devices}, 'PING', 'admin', true, \
             300000, now() + interval '1 day', jsonb_build_array({}) {ids};",
            step("queued")
        );
        for (state, set) in STATES {
            let _ = writeln!(
                script,
                "UPDATE bare.commands SET state = '{state}', {set}, changed_at = now(), history = history || {} \
                 WHERE command_id IN (SELECT {id} {ids});",
                step(state)
            );
        }
    }
    script
}
