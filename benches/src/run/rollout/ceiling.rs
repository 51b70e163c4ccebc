//! The ceiling: as many devices fetch as many bytes from a bare server, which answers each part from memory.

use std::time::Duration;

use homepot::pb::device::v1::{FetchArtifactRequest, device_service_client::DeviceServiceClient};
use tokio::{task::JoinSet, time::Instant};

use super::{Args, MIB};
use crate::{fleet::connect, host::Workshop, report::step, run::bare::BareServer};

const PART: usize = 256 * 1024;
/// Enough to know.
const MOST: u32 = 2_000;

/// MiB a second, with a connection for each device and as many at a time as in the rollout.
pub(super) async fn measure(workshop: &Workshop, args: &Args) -> anyhow::Result<f64> {
    step("rollout: the same bytes from a bare server");
    let bare = BareServer::start(workshop, "default", "127.0.0.1:0").await?;
    let (devices, bytes) = (args.devices.min(MOST), args.kib * 1024);
    let mut fetching = JoinSet::new();
    let began = Instant::now();
    for _ in 0..devices {
        if fetching.len() >= args.in_flight as usize
            && let Some(done) = fetching.join_next().await
        {
            done??;
        }
        let address = bare.address.clone();
        fetching.spawn(async move {
            let mut client = DeviceServiceClient::new(connect(&address).await?);
            let mut came = 0;
            while came < bytes {
                let length = PART.min(bytes - came);
                let request = FetchArtifactRequest {
                    offset: u32::try_from(came)?,
                    length: u32::try_from(length)?,
                    ..Default::default()
                };
                came += client.fetch_artifact(request).await?.into_inner().data.len();
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = fetching.join_next().await {
        done??;
    }
    let took: Duration = began.elapsed();
    bare.kill().await?;
    Ok(f64::from(devices) * bytes as f64 / MIB / took.as_secs_f64())
}
