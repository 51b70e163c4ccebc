//! What travels between replicas: one line of text, such as `i=5f0c d=17,4711 t=ledger`.
//!
//! `i` is the sender, `d` devices, `t` topics. A reader skips what it does not know, field by field and value by value,
//! so that a later version may send more, and so that nonsense on the channel does no harm.

use std::collections::HashSet;

use crate::Topic;

/// No message is longer. Postgres takes less than 8,000 bytes.
pub const MAX_MESSAGE_BYTES: usize = 7_900;

/// Hints gathered for one publish.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) devices: HashSet<i64>,
    pub(crate) topics: HashSet<Topic>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.devices.len() + self.topics.len()
    }

    /// As messages of `sender`; one at least, which tells nothing when there is nothing.
    pub(crate) fn encode(&self, sender: &str) -> Vec<String> {
        let head = match self.topics.is_empty() {
            true => format!("i={sender}"),
            false => {
                let words: Vec<_> = self.topics.iter().map(|topic| topic.as_str()).collect();
                format!("i={sender} t={}", words.join(","))
            }
        };
        let mut messages = vec![head];
        let mut in_list = false;
        for device in &self.devices {
            let text = device.to_string();
            let last = messages.last_mut().filter(|last| last.len() + " d=".len() + text.len() <= MAX_MESSAGE_BYTES);
            match last {
                Some(last) => {
                    last.push_str(if in_list { "," } else { " d=" });
                    last.push_str(&text);
                }
                None => messages.push(format!("i={sender} d={text}")),
            }
            in_list = true;
        }
        messages
    }
}

/// A message as it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Received<'a> {
    pub(crate) sender: &'a str,
    pub(crate) batch: Batch,
}

/// Reads what can be read; `None` for what no replica of any version sends.
pub(crate) fn decode(message: &[u8]) -> Option<Received<'_>> {
    // Who sends more is none of us, and may not keep us busy.
    if message.len() > 8 * MAX_MESSAGE_BYTES {
        return None;
    }
    let text = std::str::from_utf8(message).ok()?;
    let mut fields = text.split(' ');
    let sender = fields.next()?.strip_prefix("i=").filter(|sender| !sender.is_empty())?;
    let mut batch = Batch::default();
    for field in fields {
        match field.split_once('=') {
            Some(("d", list)) => batch.devices.extend(list.split(',').filter_map(|device| device.parse::<i64>().ok())),
            Some(("t", list)) => {
                let topic = |word| Topic::ALL.into_iter().find(|topic| topic.as_str() == word);
                batch.topics.extend(list.split(',').filter_map(topic));
            }
            _ => {}
        }
    }
    Some(Received { sender, batch })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(devices: impl IntoIterator<Item = i64>, topics: &[Topic]) -> Batch {
        Batch { devices: devices.into_iter().collect(), topics: topics.iter().copied().collect() }
    }

    #[test]
    fn what_is_sent_is_what_arrives() {
        for sent in [
            batch([], &[]),
            batch([7], &[]),
            batch([], &[Topic::Runs]),
            batch([1, -1, i64::MAX, i64::MIN], &[Topic::Ledger, Topic::Presence]),
        ] {
            let messages = sent.encode("a1");
            assert_eq!(messages.len(), 1);
            assert_eq!(decode(messages[0].as_bytes()), Some(Received { sender: "a1", batch: sent }));
        }
        assert_eq!(batch([7], &[Topic::Ledger]).encode("a1"), ["i=a1 t=ledger d=7"]);
    }

    #[test]
    fn many_devices_are_split_so_that_each_message_fits() {
        let sent = batch((0..5_000).map(|number| i64::MAX - number), &[Topic::Ledger]);
        let messages = sent.encode("0123456789abcdef");
        assert!(messages.len() > 10, "{}", messages.len());
        assert!(messages.iter().all(|message| message.len() <= MAX_MESSAGE_BYTES));
        let mut arrived = Batch::default();
        for message in &messages {
            let part = decode(message.as_bytes()).unwrap().batch;
            arrived.devices.extend(part.devices);
            arrived.topics.extend(part.topics);
        }
        assert_eq!(arrived, sent);
    }

    #[test]
    fn what_is_not_understood_is_skipped_and_the_rest_is_read() {
        let message = b"i=b2 z=9 d=1,x,,99999999999999999999,2 t=weather,runs  d= t d=3";
        assert_eq!(decode(message), Some(Received { sender: "b2", batch: batch([1, 2, 3], &[Topic::Runs]) }));
    }

    #[test]
    fn nonsense_is_no_message() {
        let long = format!("i=a d={}", "1,".repeat(100_000));
        for message in [&b""[..], b"hello", b"i=", b"d=1", b"\xff\xfe", b"\0\0", b"i", long.as_bytes()] {
            assert_eq!(decode(message), None);
        }
    }
}
