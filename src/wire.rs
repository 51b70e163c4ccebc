//! Reads the fields of an encoded message, one after the other, where only a few of them matter. Most of a message is passed
//! over, and nothing is copied: a command may carry 64 KiB of payload, and thousands are queued in a second.

/// A value as it stands in the message.
#[derive(Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number, a truth value or the number of an enum's value.
    Number(u64),
    /// A text or a message.
    Bytes(&'a [u8]),
    /// A number of fixed length.
    Fixed,
}

/// The fields of a message by number, in their order; ends early where the message is broken.
pub fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => take(&mut message, 8).map(|_| Value::Fixed)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(take(&mut message, length)?)
            }
            5 => take(&mut message, 4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((key >> 3, value))
    })
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

/// A number of seven bits a byte, the lowest first.
fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(message, 1)?[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::pb::registry::v1::Presence;
    use prost::Message as _;

    use super::*;

    #[test]
    fn fields_are_read_as_they_were_written() {
        let message =
            Presence { session_epoch: 300, agent_version: "1.2".to_owned(), flapping: true, ..Default::default() };
        let encoded = message.encode_to_vec();
        let read: Vec<_> = fields(&encoded).collect();
        assert_eq!(read, [(4, Value::Number(300)), (5, Value::Bytes(b"1.2")), (10, Value::Number(1))]);
    }

    #[test]
    fn a_broken_message_ends_early_and_breaks_nothing() {
        let encoded = Presence { agent_version: "1.2".to_owned(), ..Default::default() }.encode_to_vec();
        for length in 0..encoded.len() {
            assert_eq!(fields(&encoded[..length]).count(), 0);
        }
        assert_eq!(fields(&[0xff; 20]).count(), 0);
        assert_eq!(fields(&[0x0b, 1]).count(), 0, "groups are no part of proto3");
    }
}
