//! Settings of updates: how fast files go to devices.

use homepot_host::settings::Reader;
use homepot_runtime::settings::read_rate;

use crate::TransferRates;

/// Slower than this, a device would wait for a part for longer than it waits for an answer.
const LEAST: u64 = 16 * 1024;

/// Flags of transfers, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct TransferFlags {
    /// Bytes per second of updates that one device may fetch, such as 1MiB, at least 16KiB, or 'off' for no limit.
    #[arg(long, env = "HOMEPOT_DEVICE_TRANSFER_RATE", value_name = "SIZE", default_value = "1MiB")]
    #[arg(help_heading = "Limits")]
    device_transfer_rate: String,

    /// Bytes per second of updates that this server sends to all devices together, such as 64MiB, at least 16KiB, or 'off'
    /// for no limit.
    #[arg(long, env = "HOMEPOT_TRANSFER_RATE", value_name = "SIZE", default_value = "64MiB", help_heading = "Limits")]
    transfer_rate: String,
}

impl TransferFlags {
    /// The rates, checked.
    pub fn read(self, reader: &mut Reader<'_>) -> TransferRates {
        TransferRates {
            device: read_rate(reader, "device-transfer-rate", &self.device_transfer_rate, LEAST),
            all: read_rate(reader, "transfer-rate", &self.transfer_rate, LEAST),
        }
    }
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str]) -> Result<TransferRates, Vec<String>> {
        test_support::read(flags, &[], TransferFlags::read)
    }

    #[test]
    fn rates_are_sizes_or_off_and_never_so_small_that_no_part_comes_in_time() {
        assert_eq!(read(&[]).unwrap(), TransferRates { device: Some(1 << 20), all: Some(64 << 20) });
        let off = read(&["--device-transfer-rate=off", "--transfer-rate=16KiB"]).unwrap();
        assert_eq!(off, TransferRates { device: None, all: Some(16_384) });
        let told = read(&["--device-transfer-rate=16383", "--transfer-rate=fast"]).unwrap_err();
        assert!(told[0].contains("HOMEPOT_DEVICE_TRANSFER_RATE"), "{told:?}");
        assert!(told[0].contains("at least 16384 bytes a second"), "{told:?}");
        assert!(told[1].contains("'fast' is not a size"), "{told:?}");
    }
}
