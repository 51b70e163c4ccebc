//! Goes over to another address of the same database, such as another user, another password, or a standby that took over.
//!
//! A new address is tried before it counts: it has to lead to the same database, which takes writes, with a schema and rights
//! that this program can work with. Everything that a server holds in memory, such as sessions, clocks and cursors, is that of
//! its database, so it can't be moved to another one while it runs; that takes a restart, and `homepot migrate` for a copy, which
//! notices that it is one. Then new connections are made to the new address, idle ones to the old are closed, and others end with
//! the operation that they work for.

use std::{sync::Arc, time::Duration};

use diesel::PgConnection;

use crate::{Store, StoreError, address::Target, health, identity::Identity, lane::Lane, migrate};

/// How often it is looked whether connections to an old address are left.
const RETIRE: Duration = Duration::from_secs(1);
/// How long it is waited between two attempts to learn which database this is.
const AGAIN: Duration = Duration::from_millis(500);

impl Store {
    /// Goes by `address` from now on, if that is another one and can be used; tells whether it is another. Until [`Self::settle`]
    /// any will do that can be read: nothing works yet that could be lost.
    pub async fn follow(&self, address: &str) -> Result<bool, StoreError> {
        if address.is_empty() {
            return Err(StoreError::Address("it is empty".to_owned()));
        }
        let target = Arc::new(Target::parse(address)?);
        // Held to the end: one address is tried at a time.
        let known = self.shared.known.lock().await;
        if *self.shared.address.target() == *target {
            return Ok(false);
        }
        if let Some(known) = known.clone() {
            let (connections, tried) = (self.shared.connections(Lane::Upkeep).clone(), target.clone());
            blocking(move || connections.try_out(&tried, |conn| check(conn, &known))).await??;
        }
        self.retire(self.shared.address.replace(target));
        Ok(true)
    }

    /// Learns which database this is, whose schema is there by now. From here on [`Self::follow`] goes to no other one.
    pub async fn settle(&self) -> Result<(), StoreError> {
        let look = |conn: &mut PgConnection| {
            migrate::check(conn)?;
            Identity::read(conn)
        };
        loop {
            {
                // So that the address stays what it is meanwhile.
                let mut known = self.shared.known.lock().await;
                match self.lane(Lane::Upkeep).run("settle", look).await {
                    Ok(identity) => {
                        *known = Some(identity);
                        return Ok(());
                    }
                    Err(error) if error.is_passing() => tracing::warn!(%error, "look at which database this is"),
                    Err(error) => return Err(error),
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Closes connections to `old`, for as long as there are any.
    fn retire(&self, old: Arc<Target>) {
        let lanes = Arc::downgrade(&self.shared);
        tokio::spawn(async move {
            // Each connection to it, and each attempt to make one, has a clone.
            while Arc::strong_count(&old) > 1 {
                let Some(lanes) = lanes.upgrade() else { return };
                let retire = move || Lane::ALL.map(|lane| lanes.connections(lane).retire());
                if blocking(retire).await.is_err() || Arc::strong_count(&old) == 1 {
                    break;
                }
                tokio::time::sleep(RETIRE).await;
            }
            tracing::info!("the last connection to the database's old address is closed");
        });
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Panicked("follow"))
}

/// Whether a server that works on the database `known` can go on by this connection.
fn check(conn: &mut PgConnection, known: &Identity) -> Result<(), StoreError> {
    if health::is_read_only(conn)? {
        return Err(StoreError::Unsuitable("it takes no writes; it may be a standby".to_owned()));
    }
    migrate::check(conn)?;
    if Identity::read(conn)?.is_of(known) {
        return Ok(());
    }
    Err(StoreError::Unsuitable(
        "it is another one than the database that this server works on; stop the servers to move them there".to_owned(),
    ))
}
