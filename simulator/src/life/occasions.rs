//! Which events of a scenario are under way for a device.

use chrono::{DateTime, TimeDelta, Utc};

use crate::scenario::{Event, EventKind};

/// What holds right now.
#[derive(Debug, PartialEq)]
pub(super) struct Now {
    pub(super) trade_factor: f64,
    pub(super) latency_factor: f64,
    pub(super) network_lost_until: Option<DateTime<Utc>>,
    pub(super) bad_configuration: Option<Bad>,
}

/// A configuration that is bad for a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bad {
    pub(super) until: DateTime<Utc>,
    /// Errors, times this.
    pub(super) factor: f64,
}

impl Now {
    /// `drawn` gives a device's lot, in 0 to 1, for the event of that place and its turn.
    pub(super) fn of(
        events: &[Event],
        began: DateTime<Utc>,
        now: DateTime<Utc>,
        drawn: impl Fn(u64, u64) -> f64,
    ) -> Self {
        let usual = Self { trade_factor: 1.0, latency_factor: 1.0, network_lost_until: None, bad_configuration: None };
        (0..).zip(events).fold(usual, |mut holds, (place, event)| {
            let Some((turn, until)) = under_way(event, began, now) else { return holds };
            if drawn(place, turn) * 100.0 >= event.devices_percent {
                return holds;
            }
            match event.kind {
                EventKind::Rush => holds.trade_factor *= event.factor,
                EventKind::SlowNetwork => holds.latency_factor *= event.factor,
                EventKind::NetworkLoss => holds.network_lost_until = holds.network_lost_until.max(Some(until)),
                EventKind::BadConfiguration => holds.bad_configuration = Some(Bad { until, factor: event.factor }),
            }
            holds
        })
    }
}

/// Which turn of the event is under way, and until when.
fn under_way(event: &Event, began: DateTime<Utc>, now: DateTime<Utc>) -> Option<(u64, DateTime<Utc>)> {
    let since = (now - began).as_seconds_f64() / 60.0 - event.after_minutes;
    if since < 0.0 {
        return None;
    }
    let turn = if event.every_minutes > 0.0 { (since / event.every_minutes).floor() } else { 0.0 };
    let into = since - turn * event.every_minutes;
    if into >= event.lasts_minutes {
        return None;
    }
    let left = TimeDelta::milliseconds(((event.lasts_minutes - into) * 60_000.0) as i64);
    Some((turn as u64, now + left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: f64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::milliseconds((minutes * 60_000.0) as i64)
    }

    fn event(every_minutes: f64) -> Event {
        let kind = EventKind::NetworkLoss;
        Event { kind, after_minutes: 2.0, lasts_minutes: 1.0, every_minutes, devices_percent: 50.0, factor: 1.0 }
    }

    #[test]
    fn an_event_comes_once_or_again_and_again_and_ends_each_time() {
        let turn = |event: &Event, minutes| under_way(event, at(0.0), at(minutes)).map(|(turn, _)| turn);
        let once = event(0.0);
        assert_eq!([1.9, 2.0, 2.9, 3.0, 7.1].map(|minutes| turn(&once, minutes)), [None, Some(0), Some(0), None, None]);
        let often = event(5.0);
        assert_eq!([2.0, 3.1, 7.5, 12.0].map(|minutes| turn(&often, minutes)), [Some(0), None, Some(1), Some(2)]);
        assert_eq!(under_way(&often, at(0.0), at(7.5)).unwrap().1, at(8.0));
    }

    #[test]
    fn an_event_meets_those_whose_lot_it_is() {
        let lost = |lot: f64| Now::of(&[event(0.0)], at(0.0), at(2.5), |_, _| lot).network_lost_until;
        assert_eq!(lost(0.49), Some(at(3.0)));
        assert_eq!(lost(0.51), None);
    }
}
