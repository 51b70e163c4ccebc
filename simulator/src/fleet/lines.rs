//! Connections to the server: one for each device, or one for several, as a proxy between them has it.

use homepot_agent::protocol::{endpoint, reconnect::End};
use tokio::sync::Mutex;
use tonic::transport::{Channel, Endpoint};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Lines {
    endpoint: Endpoint,
    per_connection: u32,
    /// Those that are shared, once they are made. They connect again by themselves.
    shared: Vec<Mutex<Option<Channel>>>,
}

impl Lines {
    /// For so many devices, of which so many share a connection.
    pub(super) fn new(endpoint: Endpoint, devices: u32, per_connection: u32) -> Self {
        let shared = if per_connection > 1 { connections(devices, per_connection) } else { 0 };
        Self { endpoint, per_connection, shared: (0..shared).map(|_| Mutex::default()).collect() }
    }

    /// A connection for the device of that number.
    pub(super) async fn connect(&self, number: u32) -> Result<Channel, End> {
        let Some(shared) = self.shared.get((number / self.per_connection) as usize) else {
            return endpoint::channel(&self.endpoint).await;
        };
        // Held while it connects, so that those who share it wait for it rather than make another.
        let mut shared = shared.lock().await;
        if let Some(channel) = &*shared {
            return Ok(channel.clone());
        }
        let channel = endpoint::channel(&self.endpoint).await?;
        *shared = Some(channel.clone());
        Ok(channel)
    }
}

/// How many connections they are.
pub(super) fn connections(devices: u32, per_connection: u32) -> u32 {
    devices.div_ceil(per_connection.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_connection_may_have_fewer_devices() {
        assert_eq!(
            [(1, 1), (20_000, 1), (20_000, 2), (7, 3), (1, 100)].map(|(d, per)| connections(d, per)),
            [1, 20_000, 10_000, 3, 1]
        );
    }
}
