//! Looks devices and operators up for all their calls together: whoever asks while look-ups are under way shares the next.
//!
//! Every call begins with a look at its caller's row, so that a revocation holds at once. One by one these looks cost
//! more than storing a sample or queueing a command; so many at a time cost little more than one. Nothing is remembered:
//! the row is read after the call came in.

use homepot::{Error, model::DeviceId};
use homepot_store::{
    Combiner, Lane, Store, device_keys,
    operators::{self, sessions},
};

/// Looks that share one query at most.
const MAX_SHARED: usize = 512;

/// See the [module](self).
pub(crate) struct Lookups {
    devices: Combiner<(DeviceId, String), Option<device_keys::Credential>>,
    operators: Combiner<String, Option<operators::Credential>>,
    sessions: Combiner<String, Option<sessions::Credential>>,
}

impl Lookups {
    /// Starts the tasks that look up; they end with this.
    pub(crate) fn start(store: Store) -> Self {
        Self {
            devices: Combiner::start(store.lane(Lane::Devices), "find_device_keys", MAX_SHARED, device_keys::find),
            sessions: Combiner::start(store.clone(), "find_sessions", MAX_SHARED, sessions::find_sessions),
            operators: Combiner::start(store, "find_operators_by_token", MAX_SHARED, operators::find_by_tokens),
        }
    }

    /// The device with its live key of that public id; `None`: no such device.
    pub(crate) async fn find_device(
        &self,
        device_id: DeviceId,
        key_id: String,
    ) -> Result<Option<device_keys::Credential>, Error> {
        Ok(self.devices.run((device_id, key_id)).await?)
    }

    /// The operator whose token has this public id, good or not; `None`: there is none.
    pub(crate) async fn find_operator(&self, token_id: String) -> Result<Option<operators::Credential>, Error> {
        Ok(self.operators.run(token_id).await?)
    }

    /// The session with this public id, good or not; `None`: there is none.
    pub(crate) async fn find_session(&self, session_id: String) -> Result<Option<sessions::Credential>, Error> {
        Ok(self.sessions.run(session_id).await?)
    }
}
