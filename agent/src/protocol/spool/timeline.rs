//! When samples were measured, by the server's clock.
//!
//! The device's wall clock may be wrong, and may be set while samples wait. So each record notes the time since boot, which
//! nobody sets, and which boot that was. Once a session has told the server's clock, the time of every sample of this boot
//! follows. Of an earlier boot only the wall clock is left; it is believed where it says what can be.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use homepot::{
    model::{from_proto_timestamp, to_proto_timestamp},
    pb::telemetry::v1 as pb,
};
use prost::Message as _;

use crate::protocol::clock::ServerClock;

/// A wall clock that is off by less is taken as it is.
const TOLERANCE: TimeDelta = TimeDelta::seconds(10);
/// In 2024, before there was any such agent: a wall clock that says so was not set.
const NOT_SET_BEFORE: i64 = 1_704_067_200;

/// The present, as the device knows it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// By the wall clock.
    pub wall: DateTime<Utc>,
    /// Since the boot.
    pub since_boot: Duration,
}

impl From<DateTime<Utc>> for Now {
    fn from(wall: DateTime<Utc>) -> Self {
        Self { wall, since_boot: Duration::ZERO }
    }
}

/// What a record says of when its sample was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// By the wall clock.
    pub(super) wall: DateTime<Utc>,
    /// By the time since boot; `None`: written by an agent that did not note it.
    pub(super) stamp: Option<Stamp>,
}

/// A moment of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    boot: u64,
    since_boot: Duration,
}

/// A stamp beside the sample it belongs to. It is appended to the sample's encoding: as protobuf merges what is concatenated,
/// each of the two is read from the same bytes, also by agents that do not know the other.
#[derive(Clone, PartialEq, prost::Message)]
struct Note {
    #[prost(fixed64, optional, tag = "1000")]
    boot: Option<u64>,
    #[prost(uint64, optional, tag = "1001")]
    since_boot_us: Option<u64>,
}

impl Stamp {
    /// The bytes to append to a sample's.
    pub(super) fn encode(self) -> Vec<u8> {
        let since_boot_us = u64::try_from(self.since_boot.as_micros()).unwrap_or(u64::MAX);
        Note { boot: Some(self.boot), since_boot_us: Some(since_boot_us) }.encode_to_vec()
    }

    fn read(payload: &[u8]) -> Option<Self> {
        let note = Note::decode(payload).ok()?;
        Some(Self { boot: note.boot?, since_boot: Duration::from_micros(note.since_boot_us?) })
    }
}

impl Mark {
    /// That of a record.
    pub(super) fn of(payload: &[u8]) -> Option<Self> {
        Self::read(payload).map(|(mark, _)| mark)
    }

    /// That of a record, and its sample.
    pub(super) fn read(payload: &[u8]) -> Option<(Self, pb::Sample)> {
        let sample = pb::Sample::decode(payload).ok()?;
        let wall = from_proto_timestamp("collected_at", sample.collected_at.as_ref()?).ok()?;
        Some((Self { wall, stamp: Stamp::read(payload) }, sample))
    }
}

/// What is known of boots and of the server's clock.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    boot: Option<u64>,
    clock: Option<ServerClock>,
    /// Boots of which records were found, in order, each with the last moment that a record notes.
    found: Vec<Stamp>,
}

impl Timeline {
    /// This is the boot of that id; empty: it is not known.
    pub(super) fn begin(&mut self, boot_id: &str) {
        self.boot = Some(name(boot_id)).filter(|_| !boot_id.is_empty());
    }

    /// The server told its clock.
    pub(super) fn learn(&mut self, clock: Option<ServerClock>) {
        self.clock = clock.or(self.clock);
    }

    /// A record of that mark was found. To be called in the order of their numbers.
    pub(super) fn note(&mut self, mark: Mark) {
        let Some(stamp) = mark.stamp else { return };
        match self.found.last_mut() {
            Some(last) if last.boot == stamp.boot => last.since_boot = last.since_boot.max(stamp.since_boot),
            _ => self.found.push(stamp),
        }
    }

    /// A moment of this boot.
    pub(super) fn stamp(&self, since_boot: Duration) -> Option<Stamp> {
        self.boot.map(|boot| Stamp { boot, since_boot })
    }

    /// The present: by the server's clock where that is known.
    pub(super) fn now(&self, now: Now) -> DateTime<Utc> {
        self.clock.map_or(now.wall, |clock| clock.at(now.since_boot))
    }

    /// Whether ages can be told without the wall clock.
    pub(super) fn knows_ages(&self) -> bool {
        self.clock.is_some()
    }

    /// When a sample was measured: what the wall clock showed where that can be right.
    pub(super) fn time_of(&self, mark: Mark) -> DateTime<Utc> {
        let Some(clock) = self.clock else { return mark.wall };
        match mark.stamp {
            Some(stamp) if Some(stamp.boot) == self.boot => {
                let at = clock.at(stamp.since_boot);
                let tolerance = TOLERANCE + TimeDelta::from_std(clock.uncertainty()).unwrap_or_default();
                if (mark.wall - at).abs() <= tolerance { mark.wall } else { at }
            }
            stamp => {
                let booted = clock.at(Duration::ZERO);
                let can_be = mark.wall.timestamp() >= NOT_SET_BEFORE && mark.wall <= booted + TOLERANCE;
                let at = stamp.filter(|_| !can_be).and_then(|stamp| self.at_the_latest(stamp, booted));
                at.unwrap_or(mark.wall)
            }
        }
    }

    /// When a moment of an earlier boot was at the latest: each boot ended before the next began.
    fn at_the_latest(&self, stamp: Stamp, booted: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut end = booted;
        for last in self.found.iter().rev().filter(|last| Some(last.boot) != self.boot) {
            if last.boot == stamp.boot {
                return end
                    .checked_sub_signed(TimeDelta::from_std(last.since_boot.saturating_sub(stamp.since_boot)).ok()?);
            }
            end = end.checked_sub_signed(TimeDelta::from_std(last.since_boot).ok()?)?;
        }
        None
    }

    /// Puts a sample where it was measured; where that is not what the wall clock showed, it says so.
    pub(super) fn correct(&self, sample: &mut pb::Sample, mark: Mark) {
        let at = self.time_of(mark);
        if at != mark.wall {
            sample.device_time = sample.collected_at;
            // The server keeps microseconds.
            let at = DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at);
            sample.collected_at = Some(to_proto_timestamp(at));
        }
    }
}

/// A boot's id is long, and each record has one: eight bytes of a hash are enough to tell two boots apart.
fn name(boot_id: &str) -> u64 {
    // FNV-1a, which stays the same from one build of the agent to the next.
    boot_id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// `seconds` after the boot, by the server's clock.
    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn timeline() -> Timeline {
        let mut timeline = Timeline::default();
        timeline.begin("this");
        timeline.learn(Some(ServerClock { welcome: at(1_000), hello: secs(1_000), arrived: secs(1_000) }));
        timeline
    }

    fn mark(wall: DateTime<Utc>, boot: &str, since_boot: u64) -> Mark {
        Mark { wall, stamp: Some(Stamp { boot: name(boot), since_boot: secs(since_boot) }) }
    }

    #[test]
    fn of_this_boot_the_time_since_boot_decides_wherever_the_wall_clock_stands() {
        let days = TimeDelta::days(10);
        for wall in [at(60) + days, at(60) - days, DateTime::UNIX_EPOCH, at(70) + TOLERANCE] {
            assert_eq!(timeline().time_of(mark(wall, "this", 60)), at(60), "{wall}");
        }
        // Before and after the session began alike.
        assert_eq!(timeline().time_of(mark(DateTime::UNIX_EPOCH, "this", 5_000)), at(5_000));
    }

    #[test]
    fn a_wall_clock_that_is_about_right_is_taken_as_it_is() {
        assert_eq!(timeline().time_of(mark(at(63), "this", 60)), at(63));
        let mut slow = timeline();
        slow.learn(Some(ServerClock { welcome: at(1_000), hello: secs(990), arrived: secs(1_010) }));
        assert_eq!(slow.time_of(mark(at(78), "this", 60)), at(78), "the way to the server took 20 s");
    }

    #[test]
    fn of_an_earlier_boot_the_wall_clock_is_believed_where_it_says_what_can_be() {
        let old = at(-86_400);
        assert_eq!(timeline().time_of(mark(old, "before", 50)), old);
        assert_eq!(timeline().time_of(Mark { wall: old, stamp: None }), old);
    }

    #[test]
    fn an_earlier_boot_with_a_clock_that_can_not_be_ended_before_the_next_began() {
        let mut timeline = timeline();
        for (boot, since_boot) in [("first", 10), ("first", 100), ("second", 5), ("second", 500), ("this", 7)] {
            timeline.note(mark(DateTime::UNIX_EPOCH, boot, since_boot));
        }
        let ahead = at(86_400);
        for wall in [DateTime::UNIX_EPOCH, ahead] {
            assert_eq!(timeline.time_of(mark(wall, "second", 500)), at(0));
            assert_eq!(timeline.time_of(mark(wall, "second", 400)), at(-100));
            assert_eq!(timeline.time_of(mark(wall, "first", 100)), at(-500));
            assert_eq!(timeline.time_of(mark(wall, "first", 10)), at(-590));
        }
    }

    #[test]
    fn without_the_servers_clock_there_is_only_the_wall_clock() {
        assert_eq!(Timeline::default().time_of(mark(at(5), "this", 1)), at(5));
        assert_eq!(Timeline::default().now(at(9).into()), at(9));
    }

    #[test]
    fn a_corrected_sample_keeps_what_the_wall_clock_showed() {
        let wall = at(60) + TimeDelta::days(10);
        let mut sample = pb::Sample { collected_at: Some(to_proto_timestamp(wall)), ..Default::default() };
        timeline().correct(&mut sample, mark(wall, "this", 60));
        assert_eq!(sample.collected_at, Some(to_proto_timestamp(at(60))));
        assert_eq!(sample.device_time, Some(to_proto_timestamp(wall)));
    }

    #[test]
    fn a_stamp_lies_beside_its_sample_and_neither_disturbs_the_other() {
        let sample =
            pb::Sample { collected_at: Some(to_proto_timestamp(at(1))), cpu_percent: Some(5.0), ..Default::default() };
        let stamp = timeline().stamp(Duration::from_micros(123_456_789)).unwrap();
        let payload = [sample.encode_to_vec(), stamp.encode()].concat();
        assert_eq!(Mark::read(&payload), Some((Mark { wall: at(1), stamp: Some(stamp) }, sample.clone())));
        assert_eq!(Mark::of(&sample.encode_to_vec()), Some(Mark { wall: at(1), stamp: None }));
    }
}
