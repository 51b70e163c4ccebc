//! Where the bytes of files lie, with what the rest of the store needs of it: the same is asked of Postgres and of storage that has
//! no part in its transactions.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use diesel::{prelude::*, sql_query};
use homepot::model::{CHUNK_BYTES, Sha256};
use homepot_store::{
    PgConnection, StoreError,
    releases::{self, ArtifactBytes, InPostgres},
};

use crate::fixture::with_device;

/// Keeps everything, as storage elsewhere does, until it is told to remove it.
#[derive(Default)]
struct Elsewhere(Mutex<HashMap<(String, u32), Vec<u8>>>);

impl ArtifactBytes for Elsewhere {
    fn put(&self, _: &mut PgConnection, sha256: &Sha256, start: u32, data: &[u8]) -> Result<(), StoreError> {
        self.0.lock().unwrap().insert((sha256.to_string(), start), data.to_vec());
        Ok(())
    }

    fn get(&self, _: &mut PgConnection, sha256: &Sha256, start: u32) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().unwrap().get(&(sha256.to_string(), start)).cloned())
    }

    fn remove(&self, _: &mut PgConnection, sha256: &Sha256) -> Result<(), StoreError> {
        self.0.lock().unwrap().retain(|(file, _), _| file != sha256.as_str());
        Ok(())
    }
}

#[tokio::test]
async fn bytes_are_where_they_were_put_and_go_with_their_file() {
    let (database, _) = with_device("a").await;
    let mut conn = database.connect();
    let elsewhere = Elsewhere::default();
    for bytes in [&InPostgres as &dyn ArtifactBytes, &elsewhere] {
        go_through(&mut conn, bytes);
    }
    assert!(elsewhere.0.lock().unwrap().is_empty(), "nothing is left where nobody looks");
}

fn go_through(conn: &mut PgConnection, bytes: &dyn ArtifactBytes) {
    let file = |pair: &str| Sha256::parse(&pair.repeat(32)).unwrap();
    let (kept, wrong) = (file("ab"), file("cd"));
    let (first, last) = (vec![1; CHUNK_BYTES as usize], vec![2; 3]);
    let size = CHUNK_BYTES + 3;
    let add = |conn: &mut PgConnection, sha256, start, data: &[u8]| {
        releases::add_part(conn, bytes, sha256, size, start, data, "admin").unwrap().received
    };
    for sha256 in [&kept, &wrong] {
        assert_eq!(add(conn, sha256, 0, &first), CHUNK_BYTES);
        assert_eq!(add(conn, sha256, 0, &[9; 3]), CHUNK_BYTES, "a part that is there stays");
        assert_eq!(add(conn, sha256, CHUNK_BYTES, &last), size);
    }
    assert!(releases::complete(conn, &kept).unwrap().unwrap().is_complete);

    releases::discard(conn, bytes, &wrong).unwrap();
    releases::discard(conn, bytes, &kept).unwrap();
    assert_eq!(bytes.get(conn, &wrong, 0).unwrap(), None);
    assert_eq!(bytes.get(conn, &kept, 0).unwrap(), Some(first), "it is complete");
    assert_eq!(bytes.get(conn, &kept, CHUNK_BYTES).unwrap(), Some(last));

    sql_query("UPDATE artifacts SET changed_at = now() - interval '25 hours'").execute(conn).unwrap();
    assert_eq!(releases::clean_up(conn, bytes, Duration::from_secs(3600)).unwrap(), 1);
    assert_eq!(bytes.get(conn, &kept, 0).unwrap(), None);
}
