//! The data set of `query`: made once, kept, and asked again and again.
//!
//! Raw rows of seven days as a fleet that reports every five seconds leaves them: in flushes of a minute, each sorted by
//! device and time. The server's own roller makes the minutes and hours of them; hours of the weeks before are copies of
//! these. A device that has no history has a newest sample all the same, so that the latest of all can be asked for.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Args;
use crate::{
    fleet::seed,
    host::{Psql, Server, Setting, Workshop},
    report::{step, watch},
};

const DAYS: i64 = 7;
/// Samples of one device in these days, one every five seconds.
const PER_DEVICE: u64 = 7 * 86_400 / 5;
/// Samples of one device in an hour.
const PER_HOUR: u64 = 720;
/// Connections that write at the same time.
const WRITERS: usize = 2;
/// Weeks of hours before the raw rows, for a span of 90 days.
const WEEKS_BEFORE: i64 = 13;

/// Tells of a data set that is complete.
const TOLD: &str = "made.json";

/// What is kept must be there for as long as the data set is.
pub(super) const SETTINGS: &[Setting<'static>] = &[
    ("HOMEPOT_RETENTION_SAMPLES", "3650d"),
    ("HOMEPOT_RETENTION_MINUTES", "3650d"),
    ("HOMEPOT_RETENTION_HOURS", "3650d"),
];

/// A data set that is complete.
#[derive(Clone, Debug)]
pub(super) struct Dataset {
    /// The server's data directory.
    pub(super) data: PathBuf,
    /// Raw rows.
    pub(super) rows: u64,
    /// Devices that have history: the first ones by id.
    pub(super) reporting: usize,
    /// When the newest sample was measured.
    pub(super) end: DateTime<Utc>,
    /// How the making went.
    pub(super) made: Value,
}

/// The one that is kept, or else a new one.
pub(super) async fn open(args: &Args, workshop: &Workshop) -> anyhow::Result<Dataset> {
    let kept = workshop.kept(&format!("query-{}-{}", args.rows, args.devices));
    if let Some(dataset) = read(&kept) {
        step(&format!("query: {} rows, kept in {}", dataset.rows, kept.display()));
        return Ok(dataset);
    }
    step(&format!("query: making about {} rows, which are kept in {} for the next run", args.rows, kept.display()));
    let draft = workshop.draft()?;
    let made = make(args, workshop, &draft.path().join("data")).await?;
    std::fs::write(draft.path().join(TOLD), serde_json::to_string_pretty(&made)? + "\n")?;
    std::fs::rename(draft.keep(), &kept)?;
    read(&kept).with_context(|| format!("{} is not what was written", kept.display()))
}

fn read(directory: &Path) -> Option<Dataset> {
    let made: Value = serde_json::from_str(&std::fs::read_to_string(directory.join(TOLD)).ok()?).ok()?;
    Some(Dataset {
        data: directory.join("data"),
        rows: made["rows"].as_u64()?,
        reporting: made["reporting"].as_u64()?.try_into().ok()?,
        end: made["end"].as_str()?.parse().ok()?,
        made,
    })
}

async fn make(args: &Args, workshop: &Workshop, data: &Path) -> anyhow::Result<Value> {
    let server = Server::start_on(workshop, SETTINGS, data).await?;
    let psql = server.psql()?;
    seed(&psql, args.devices).await?;
    let reporting = args.rows.div_ceil(PER_DEVICE).clamp(1, args.devices as u64);
    // Whole days: hours are folded by the day.
    let end = Utc::now().duration_trunc(TimeDelta::days(1))?;
    psql.script(GENERATOR).await?;

    let started = Instant::now();
    insert_history(&psql, reporting, end).await?;
    let inserted = started.elapsed();
    // The last sample of every device, those without history included. Of these the server's next start takes the newest.
    psql.run(&format!("CALL bench_rows(1000000, '{}', 1, 0)", end.to_rfc3339())).await?;
    server.stop().await?;
    let server = Server::start_on(workshop, SETTINGS, data).await?;
    let psql = server.psql()?;
    let rows = psql.number("SELECT count(*) FROM samples").await? as u64;

    let started = Instant::now();
    roll_up(&psql, end, rows).await?;
    let rolled = started.elapsed();
    let hours = psql.number("SELECT count(*) FROM rollup_1h").await?;
    let expected = (reporting * DAYS as u64 * 24) as f64;
    anyhow::ensure!(hours >= expected, "{hours} hours were rolled up where {expected} have samples");
    step("query: hours of the weeks before");
    for week in 1..=WEEKS_BEFORE {
        copy_hours(&psql, week).await?;
    }
    step("query: VACUUM");
    psql.script("VACUUM (ANALYZE); CHECKPOINT;").await?;
    let bytes = psql.script(SIZES).await?;
    let sizes: Value = serde_json::from_str(&bytes).context("sizes are JSON")?;
    server.stop().await?;
    Ok(json!({
        "rows": rows, "devices": args.devices, "reporting": reporting, "end": end.to_rfc3339(),
        "insert_seconds": inserted.as_secs_f64(), "insert_rows_per_second": rows as f64 / inserted.as_secs_f64(),
        "rollup_seconds": rolled.as_secs_f64(), "rollup_rows_per_second": rows as f64 / rolled.as_secs_f64(),
        "bytes": sizes,
    }))
}

/// A call an hour, by turns of all writers.
async fn insert_history(psql: &Psql, reporting: u64, end: DateTime<Utc>) -> anyhow::Result<()> {
    let progress = Arc::new(AtomicU64::new(0));
    let next = AtomicU64::new(0);
    let hours = DAYS as u64 * 24;
    let writer = async || {
        loop {
            let hour = next.fetch_add(1, Ordering::Relaxed);
            if hour >= hours {
                return anyhow::Ok(());
            }
            let from = end - TimeDelta::days(DAYS) + TimeDelta::hours(hour.cast_signed());
            psql.run(&format!("CALL bench_hour({reporting}, '{}')", from.to_rfc3339())).await?;
            progress.fetch_add(reporting * PER_HOUR, Ordering::Relaxed);
        }
    };
    let writers = async {
        const { assert!(WRITERS == 2) };
        tokio::try_join!(writer(), writer())
    };
    watch("rows", &progress, |_| (), writers).await.map(drop)
}

/// Has the server's own roller begin at the first row, and waits until it has passed the last.
async fn roll_up(psql: &Psql, end: DateTime<Utc>, rows: u64) -> anyhow::Result<()> {
    let from = (end - TimeDelta::days(DAYS)).to_rfc3339();
    let rolled = "SELECT extract(epoch FROM min(rolled_to)) FROM rollup_progress";
    let (progress, start) = (Arc::new(AtomicU64::new(0)), (end - TimeDelta::days(DAYS)).timestamp() as f64);
    let span = end.timestamp() as f64 - start;
    let work = async {
        // A round of the roller that was under way may set its own mark once more.
        loop {
            psql.run(&format!("UPDATE rollup_progress SET claimed_to = '{from}', rolled_to = '{from}'")).await?;
            sleep(Duration::from_secs(2)).await;
            if psql.number(rolled).await? < end.timestamp() as f64 {
                break;
            }
        }
        loop {
            let done = psql.number(rolled).await? - start;
            progress.store((done / span * rows as f64).max(0.0) as u64, Ordering::Relaxed);
            if done >= span {
                return anyhow::Ok(());
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    watch("rows rolled up", &progress, |_| (), work).await
}

/// Copies all hours there are by a number of weeks into the past, with partitions where there are none.
async fn copy_hours(psql: &Psql, week: i64) -> anyhow::Result<()> {
    psql.run(&format!("CALL bench_copy_hours({week})")).await.map(drop)
}

/// Bytes by table, all partitions together: heap, indexes.
const SIZES: &str = "
SELECT jsonb_object_agg(name, jsonb_build_object('rows', rows, 'heap', heap, 'indexes', indexes)) FROM (
    SELECT p.relname AS name, sum(c.reltuples)::bigint AS rows, sum(pg_table_size(c.oid))::bigint AS heap,
           sum(pg_indexes_size(c.oid))::bigint AS indexes
    FROM pg_class p JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
    WHERE p.relkind = 'p' GROUP BY p.relname) t;";

/// What makes the rows, on the server's side of the socket: nothing travels. Values are spread by arithmetic, since a
/// random number costs more than the row.
const GENERATOR: &str = "
CREATE FUNCTION bench_value(device bigint, step bigint, place int) RETURNS real LANGUAGE sql IMMUTABLE AS
    $$ SELECT (((device * 7919 + step * 104729 + place * 15485863) % 10000) / 100.0)::real $$;

CREATE PROCEDURE bench_rows(reporting bigint, first timestamptz, steps int, first_step int) LANGUAGE sql AS $$
    INSERT INTO samples (device, collected_at, received_at, bytes_sent, bytes_received, uptime_seconds,
        active_connections, collection_interval_ms, cpu_percent, memory_percent, disk_percent, swap_percent, load_1m,
        load_5m, load_15m, network_latency_ms)
    SELECT d.device, t.at + d.device * interval '1 ms', t.at + interval '70 s', t.step * 9000, t.step * 70000, t.step * 5,
        (t.step % 200)::int, 5000, bench_value(d.device, t.step, 0), bench_value(d.device, t.step, 1),
        bench_value(d.device, t.step, 2), bench_value(d.device, t.step, 3), bench_value(d.device, t.step, 4),
        bench_value(d.device, t.step, 5), bench_value(d.device, t.step, 6), bench_value(d.device, t.step, 7)
    FROM (SELECT device FROM devices ORDER BY device_id LIMIT reporting) d,
        (SELECT first + n * interval '5 s' AS at, extract(epoch FROM first)::bigint / 5 + n AS step
         FROM generate_series(first_step, first_step + steps - 1) n) t
    ORDER BY d.device, t.at
$$;

CREATE PROCEDURE bench_hour(reporting bigint, first timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    SET synchronous_commit = off;
    FOR minute IN 0..59 LOOP
        CALL bench_rows(reporting, first + minute * interval '1 min', 12, 0);
        COMMIT;
    END LOOP;
END $$;

CREATE PROCEDURE bench_copy_hours(weeks int) LANGUAGE plpgsql AS $$
DECLARE
    others text := (SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns
        WHERE table_name = 'rollup_1h' AND column_name NOT IN ('device', 'bucket'));
    -- As they are once the first week has been rolled up; later copies must not copy copies.
    newest timestamptz := (SELECT max(bucket) FROM rollup_1h);
    month timestamptz;
BEGIN
    FOR month IN SELECT generate_series(date_trunc('month', newest - (weeks + 1) * interval '7 days', 'UTC'),
            newest, interval '1 month') LOOP
        BEGIN
            EXECUTE format('CREATE TABLE %I PARTITION OF rollup_1h FOR VALUES FROM (%L) TO (%L)',
                'rollup_1h_' || to_char(month AT TIME ZONE 'UTC', 'YYYYMMDD'), month, month + interval '1 month');
        EXCEPTION WHEN duplicate_table OR invalid_object_definition THEN NULL;
        END;
    END LOOP;
    EXECUTE format('INSERT INTO rollup_1h (device, bucket, %1$s) SELECT device, bucket - %2$L::interval, %1$s
        FROM rollup_1h WHERE bucket > %3$L::timestamptz - interval ''7 days'' ORDER BY bucket, device
        ON CONFLICT DO NOTHING', others, make_interval(days => weeks * 7), newest);
END $$;
";
