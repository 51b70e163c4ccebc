//! Looks devices up for all their calls together: whoever asks while look-ups are under way shares the next one.
//!
//! Every call of a device begins with a look at its row, so that a revocation holds at once. One by one these looks cost
//! more than storing a sample; so many at a time cost little more than one. Nothing is remembered: the row is read after
//! the call came in.

use homepot::{Error, model::DeviceId};
use homepot_store::{Combiner, Store, device_keys};

/// Looks that share one query at most.
const MAX_SHARED: usize = 512;

/// See the [module](self).
pub(crate) struct Lookups(Combiner<(DeviceId, String), Option<device_keys::Credential>>);

impl Lookups {
    /// Starts the task that looks up; it ends with this.
    pub(crate) fn start(store: Store) -> Self {
        Self(Combiner::start(store, "find_device_keys", MAX_SHARED, device_keys::find))
    }

    /// The device with its live key of that public id; `None`: no such device.
    pub(crate) async fn find(
        &self,
        device_id: DeviceId,
        key_id: String,
    ) -> Result<Option<device_keys::Credential>, Error> {
        Ok(self.0.run((device_id, key_id)).await?)
    }
}
