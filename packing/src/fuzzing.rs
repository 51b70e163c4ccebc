//! For `fuzz/` alone: bytes whose checksums are right, so that random ones reach what is behind them.

use crate::{
    Key,
    block::{header_checksum, lengths},
};

/// `bytes` with the checksums put right, as far as they look like a block.
pub fn with_right_checksums(key: Key, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let Some((header, columns)) = lengths(&bytes) else { return bytes };
    let mut at = header + 4;
    for (place, length) in columns {
        let end = at.saturating_add(length).min(bytes.len());
        let checksum = crc32fast::hash(bytes.get(at..end).unwrap_or_default());
        bytes[place..place + 4].copy_from_slice(&checksum.to_le_bytes());
        at = end;
    }
    let checksum = header_checksum(key, &bytes[..header]);
    bytes[header..header + 4].copy_from_slice(&checksum.to_le_bytes());
    bytes
}
