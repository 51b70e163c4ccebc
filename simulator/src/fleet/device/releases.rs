//! Releases, on the way between a device's stream and the rules of what it does with them.

use homepot::pb::device::v1::{self as pb, AttachRequest, attach_request::Message as Up};
use prost::Message as _;
use tokio::time::Instant;

use super::{
    super::fetch::{Fetched, Fetcher, Fetching},
    Device, Link,
};

/// The part that is being fetched; never, while none is.
pub(super) async fn fetched(fetching: &mut Option<(Instant, Fetching)>) -> (Instant, Fetched) {
    let Some((asked, part)) = fetching else { return std::future::pending().await };
    let came = (*asked, part.await);
    *fetching = None;
    came
}

impl Device {
    /// The server says what release to have.
    pub(super) fn desired(&mut self, desired: pb::DesiredRelease, now: Instant) {
        let Some(updates) = &mut self.updates else { return };
        let world = &self.world;
        let seconds = u64::try_from(world.timing.time(now).timestamp()).unwrap_or_default();
        let check = |desired: &pb::DesiredRelease| world.trust.check(desired, seconds);
        let me = world.of_release(self.number, &self.credentials.device_id);
        let ended = updates.desired(desired, check, me, &world.scenario.updates, now);
        world.tally.update(ended);
    }

    /// The server has a report, and says what the device is to do by now.
    pub(super) fn told_to_go_on(&mut self, ack: &pb::UpdateReportAck, now: Instant) {
        let Some(updates) = &mut self.updates else { return };
        let (begins, ended) = updates.acknowledged(ack, &self.world.scenario.updates, now);
        self.world.tally.updates_begun.add(u64::from(begins));
        self.world.tally.update(ended);
    }

    pub(super) fn fetched(&mut self, came: Fetched, asked: Instant) {
        let Some(updates) = &mut self.updates else { return };
        let Fetched { channel, part } = came;
        self.files = channel;
        match &part {
            Ok(part) => self.world.tally.fetched_bytes.add(part.len() as u64),
            Err((reason, _)) => self.world.tally.error(format!("a part of a file did not come: {reason}")),
        }
        let ended = updates.fetched(part.as_ref().map(Vec::as_slice), asked, Instant::now());
        self.world.tally.update(ended);
    }

    /// Goes on with a release.
    pub(super) fn update(&mut self, now: Instant) {
        let world = self.world.clone();
        let rules = &world.scenario.updates;
        if self.running
            && let Some(updates) = &mut self.updates
        {
            world.tally.update(updates.go_on(rules, now));
            if let Some(next) = updates.next() {
                self.desired(next, now);
            }
        }
        let Some(updates) = &mut self.updates else { return };
        if let Some(kept) = updates.to_keep() {
            world.keys.note_update(&self.credentials.device_id, kept);
        }
        if !updates.fetches() {
            (self.fetching, self.files) = (None, None);
        } else if self.fetching.is_none()
            && self.running
            && self.reachable
            && let Some(part) = updates.wanted(now)
        {
            let fetcher = Fetcher {
                world: world.clone(),
                number: self.number,
                credentials: self.credentials.clone(),
                ticket: self.ticket.clone(),
                channel: self.files.take(),
            };
            self.fetching = Some((now, Box::pin(fetcher.fetch(part))));
        }
        if let Link::Attached(session) = &mut self.link
            && let Some(report) = updates.report(rules, now)
        {
            let report = AttachRequest { message: Some(Up::UpdateReport(report)) };
            session.waiting.push_back(report.encode_to_vec().into());
        }
    }
}
