//! Logs the beginning and the end of an outage once each, whichever of the two directions notices it.

use parking_lot::Mutex;

use crate::TransportError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Publishing,
    Listening,
}

/// Shared by the two tasks of a transport.
#[derive(Debug)]
pub(crate) struct Outage {
    transport: &'static str,
    broken: Mutex<[bool; 2]>,
}

impl Outage {
    pub(crate) fn new(transport: &'static str) -> Self {
        Self { transport, broken: Mutex::default() }
    }

    pub(crate) fn broke(&self, direction: Direction, error: &TransportError) {
        match self.note(direction, true) {
            Some(_) => tracing::warn!(transport = self.transport, ?direction, %error,
                "hints don't reach other replicas; until they do, a command may take a second more"),
            None => tracing::debug!(transport = self.transport, ?direction, %error, "hints are still cut off"),
        }
    }

    pub(crate) fn works(&self, direction: Direction) {
        if self.note(direction, false).is_some() {
            tracing::info!(transport = self.transport, "hints reach other replicas again");
        }
    }

    /// Answers whether there is an outage now, if that is news.
    fn note(&self, direction: Direction, is_broken: bool) -> Option<bool> {
        let mut broken = self.broken.lock();
        let before = broken.contains(&true);
        broken[direction as usize] = is_broken;
        let now = broken.contains(&true);
        (now != before).then_some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_news_once_and_so_is_its_end() {
        use Direction::{Listening, Publishing};
        let outage = Outage::new("test");
        assert_eq!(outage.note(Listening, false), None);
        assert_eq!(outage.note(Listening, true), Some(true));
        assert_eq!(outage.note(Publishing, true), None);
        assert_eq!(outage.note(Listening, true), None);
        assert_eq!(outage.note(Listening, false), None);
        assert_eq!(outage.note(Publishing, false), Some(false));
    }
}
