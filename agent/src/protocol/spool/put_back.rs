//! A spool whose files somebody removes while the agent runs.

use homepot::model::LossReason;

use super::{
    Lost, Spool,
    record::{Found, Records},
};
use crate::platform;

impl Spool {
    /// Notices that the newest segment is not where it was, and writes what is pending anew. Its records can still be had
    /// while its file is open; those of older segments are lost, and told as such.
    pub(super) fn put_back(&mut self) {
        let (Some(segment), Some(writer)) = (self.segments.back(), &self.writer) else { return };
        if segment.is_in_place(writer) {
            return;
        }
        tracing::error!("the spool was removed or replaced while the agent runs; it is made again");
        let bytes = segment.read_by(writer).unwrap_or_else(|error| {
            tracing::warn!(%error, "the spool's newest samples can't be read any more");
            Vec::new()
        });
        let saved: Vec<_> = Records::new(&bytes, segment.first..=segment.last)
            .filter_map(|found| match found {
                Found::Record { seq, payload, .. } => Some((seq, payload.to_vec())),
                Found::Damage { .. } => None,
            })
            .filter(|(seq, _)| self.ledger.first_pending(*seq, *seq).is_some())
            .collect();
        for record in saved.into_iter().rev() {
            self.memory.push_front(record);
        }
        self.segments.pop_back();
        (self.writer, self.cursor) = (None, None);
        let gone: Vec<_> =
            self.segments.iter().filter(|segment| !segment.exists()).map(|s| (s.first, s.last, s.newest)).collect();
        for (first, last, newest) in gone {
            let at = newest.map_or_else(platform::wall_clock, |newest| self.timeline.time_of(newest));
            for (first, last) in self.ledger.pending_within(first, last) {
                self.lose(Lost::new((first, last), (at, at), LossReason::Damaged));
            }
        }
        // The ledger, which went too, is written once there is a directory again.
        self.segments.retain(super::Segment::exists);
        self.ledger_lacks = true;
    }
}
