//! Devices that say they have a release, and by the digests they report do not. What counts is what is there, so such a device has
//! failed: of files that are the same everywhere the server knows the digest, of a template only the device does.

use std::collections::HashMap;

use diesel::{prelude::*, sql_types::BigInt};

use crate::{StoreError, statement::Statement};

/// The first target of each device that is not what its release brings, by what the device has just been recorded to have.
const CONTRADICTED: &str = "\
SELECT DISTINCT ON (r.device) r.device, f.target
FROM unnest({arrays}) AS r ({columns})
    JOIN rollout_devices d ON d.device = r.device AND d.generation = r.generation
    JOIN rollouts o USING (rollout_id)
    JOIN release_files f ON f.release_id = o.release_id AND NOT f.template
    JOIN device_updates u ON u.device = r.device
WHERE NOT u.targets @> jsonb_build_array(jsonb_build_object('name', f.target, 'sha256', f.sha256))
ORDER BY r.device, f.target";

#[derive(QueryableByName)]
struct Contradicted {
    #[diesel(sql_type = BigInt)]
    device: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    target: String,
}

/// Why these devices, which say that they have the release of that generation, are not believed.
pub(super) fn contradicted(conn: &mut PgConnection, claims: &[(i64, i64)]) -> Result<HashMap<i64, String>, StoreError> {
    if claims.is_empty() {
        return Ok(HashMap::new());
    }
    let found: Vec<Contradicted> = Statement::prepared(CONTRADICTED)
        .column::<BigInt, _>("device", claims.iter().map(|(device, _)| *device))
        .column::<BigInt, _>("generation", claims.iter().map(|(_, generation)| *generation))
        .load(conn)?;
    let reason = |target| format!("it says that it has the release, and its target {target} holds something else");
    Ok(found.into_iter().map(|Contradicted { device, target }| (device, reason(target))).collect())
}
