//! Devices by the thousand, written into the tables directly: enrolling each would take longer than the benchmark.

use std::fmt::Write as _;

use anyhow::Context as _;
use argon2::{Algorithm, Argon2, Params, Version, password_hash::PasswordHasher as _};
use homepot::model::{Secret, SecretKind};

use crate::host::Psql;

/// The site of all devices.
pub const SITE: &str = "bench";

/// What a device proves itself with.
#[derive(Clone, Debug)]
pub struct DeviceKey {
    /// Its id.
    pub device_id: String,
    /// Its key.
    pub key: Secret,
}

/// Makes devices, each with its own key. The hashes carry Argon2's smallest costs, which the server reads from them:
/// it checks a key as ever, in microseconds instead of 20 ms.
pub async fn seed(psql: &Psql, count: usize) -> anyhow::Result<Vec<DeviceKey>> {
    let keys: Vec<_> = (0..count).map(|number| Secret::from_random(SecretKind::DeviceKey, random(number))).collect();
    insert(psql, keys.into_iter().enumerate().map(|(number, key)| (format!("bench-{number:05}"), SITE.to_owned(), key)))
        .await
}

/// Makes the devices of a fleet of `homepot-sim`, whose scenario has tills alone, at sites of the fleet's name.
pub async fn seed_fleet(psql: &Psql, fleet: &str, count: u32, sites: u32) -> anyhow::Result<Vec<DeviceKey>> {
    let digits = count.saturating_sub(1).max(1).ilog10() as usize + 1;
    let device = |number: u32| {
        let key = Secret::from_random(SecretKind::DeviceKey, random(number as usize | 1 << 32));
        (format!("{fleet}-till-{:0digits$}", number + 1), format!("{fleet}-{}", number % sites + 1), key)
    };
    insert(psql, (0..count).map(device)).await
}

/// Makes devices that all have the same key, so that [`make_dear`] has one hash to make instead of thousands. The server
/// does not know: it checks each device's key by itself.
pub async fn seed_alike(psql: &Psql, count: usize) -> anyhow::Result<Vec<DeviceKey>> {
    let key = Secret::from_random(SecretKind::DeviceKey, random(0));
    insert(psql, (0..count).map(|number| (format!("bench-{number:05}"), SITE.to_owned(), key.clone()))).await
}

/// Gives all devices that have this key the hash that enrolment would have given them, with Argon2's full costs.
pub async fn make_dear(psql: &Psql, key: &Secret) -> anyhow::Result<String> {
    let hash =
        Argon2::default().hash_password(key.reveal().as_bytes()).ok().context("a key can be hashed")?.to_string();
    let key_id = key.public_id(SecretKind::DeviceKey).context("a key has a public id")?;
    psql.run(&format!("UPDATE device_keys SET hash = '{hash}', check_tag = NULL WHERE key_id = '{key_id}'")).await?;
    Ok(hash)
}

async fn insert(
    psql: &Psql,
    devices: impl Iterator<Item = (String, String, Secret)>,
) -> anyhow::Result<Vec<DeviceKey>> {
    let cheap = Params::new(8, 1, 1, None).ok().context("these are the least costs that Argon2 takes")?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, cheap);
    let mut keys = Vec::new();
    let mut rows = String::new();
    for (device_id, site_id, key) in devices {
        let hash = argon2.hash_password(key.reveal().as_bytes()).ok().context("a key can be hashed")?.to_string();
        let key_id = key.public_id(SecretKind::DeviceKey).context("a key has a public id")?;
        writeln!(rows, "{device_id}\t{site_id}\t{key_id}\t{hash}")?;
        keys.push(DeviceKey { device_id, key });
    }
    psql.script(&format!(
        "CREATE TEMPORARY TABLE fleet (device_id text, site_id text, key_id text, hash text);
        COPY fleet FROM STDIN;\n{rows}\\.
        INSERT INTO sites (site_id, name) SELECT DISTINCT site_id, 'Benchmark' FROM fleet ON CONFLICT DO NOTHING;
        INSERT INTO devices (device_id, site_id, name, device_type, source)
            SELECT device_id, site_id, device_id, 'pos_terminal', 'simulated' FROM fleet ORDER BY device_id;
        INSERT INTO device_keys (device, key_id, hash)
            SELECT device, key_id, hash FROM fleet JOIN devices USING (device_id) ORDER BY device;
        INSERT INTO sessions (device) SELECT device FROM fleet JOIN devices USING (device_id) ORDER BY device;
        ANALYZE devices; ANALYZE device_keys; ANALYZE sessions;"
    ))
    .await?;
    Ok(keys)
}

/// Bytes that differ from device to device all over; they guard nothing.
fn random(number: usize) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, chunk) in bytes.chunks_exact_mut(8).enumerate() {
        let seed = (number as u64) << 8 | place as u64;
        chunk.copy_from_slice(&super::samples::mix(seed).to_le_bytes());
    }
    bytes
}
