//! What blocks take where a server stores them: row, TOAST and indexes of its own table included.

use std::fmt::Write as _;

use crate::host::{Server, Workshop};

/// Blocks of one device, an hour each, with how many samples they hold.
pub(super) type Blocks = Vec<(usize, Vec<u8>)>;

/// Whole partitions, as they are once vacuumed; no page is shared with anything else.
const SIZE: &str =
    "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'packed_samples'::regclass";

/// Bytes that the blocks of these devices take in a server's database.
pub(super) async fn bytes(workshop: &Workshop, devices: &[Blocks]) -> anyhow::Result<f64> {
    let server = Server::start(workshop, &[]).await?;
    let psql = server.psql()?;
    let empty = psql.number(SIZE).await?;
    // Of hours that have partitions; nobody reads them.
    let mut script = "COPY packed_samples (device, hour, samples, block) FROM STDIN;\n".to_owned();
    let first =
        psql.number("SELECT extract(epoch FROM date_trunc('day', now() - interval '1 day', 'UTC'))").await? as i64;
    for (device, blocks) in devices.iter().enumerate() {
        for (hour, (samples, block)) in blocks.iter().enumerate() {
            let hour = chrono::DateTime::from_timestamp(first + 3_600 * hour as i64, 0).unwrap_or_default();
            write!(script, "{device}\t{}\t{samples}\t\\\\x", hour.to_rfc3339())?;
            block.iter().try_for_each(|byte| write!(script, "{byte:02x}"))?;
            script.push('\n');
        }
    }
    script.push_str("\\.\nVACUUM packed_samples;\n");
    psql.script(&script).await?;
    let full = psql.number(SIZE).await?;
    server.stop().await?;
    Ok(full - empty)
}
