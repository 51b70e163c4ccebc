use chrono::Utc;
use homepot::model::LossReason;

use super::*;

fn terms(message: usize, window: u64) -> Terms {
    Terms {
        session_epoch: 1,
        sample_interval: Duration::from_secs(5),
        heartbeat_interval: Duration::from_secs(10),
        max_samples_per_message: message,
        max_unacknowledged_samples: window,
        backlog_samples_per_second: None,
        max_sample_age: None,
        clock: None,
    }
}

fn push(uplink: &mut Uplink, samples: i64) {
    let now = Utc::now();
    (0..samples).for_each(|n| {
        uplink.push(&Sample::empty(now + chrono::TimeDelta::microseconds(n)), Duration::ZERO, Instant::now())
    });
}

fn uplink(samples: i64) -> Uplink {
    let mut uplink = Uplink::new(Spool::in_memory(1 << 20));
    push(&mut uplink, samples);
    uplink
}

fn attach(uplink: &mut Uplink, terms: &Terms) -> Instant {
    let now = Instant::now();
    uplink.attached(terms, now);
    now
}

/// First number, samples and whether they may be stored already.
fn samples(message: Outgoing) -> (u64, usize, bool) {
    match message {
        Outgoing::Samples(message) => (message.first_seq, message.samples.len(), message.resent),
        other => panic!("{other:?}"),
    }
}

fn sent_at(uplink: &mut Uplink, now: Instant) -> Vec<(u64, usize, bool)> {
    let mut sent = Vec::new();
    while uplink.ready(now) {
        sent.push(samples(uplink.next(now, Utc::now()).unwrap()));
    }
    sent
}

fn sent(uplink: &mut Uplink) -> Vec<(u64, usize, bool)> {
    sent_at(uplink, Instant::now())
}

#[test]
fn nothing_is_sent_before_the_welcome() {
    let mut uplink = uplink(3);
    assert!(!uplink.ready(Instant::now()));
    assert!(uplink.next(Instant::now(), Utc::now()).is_none());
}

#[test]
fn batches_keep_to_the_message_limit_and_the_window() {
    let mut uplink = uplink(10);
    attach(&mut uplink, &terms(3, 8));
    assert_eq!(sent(&mut uplink), [(1, 3, false), (4, 3, false)], "a quarter of the window is for live samples");
    push(&mut uplink, 4);
    assert_eq!(sent(&mut uplink), [(11, 2, false)]);
    uplink.acknowledged(1, 3, Instant::now());
    assert_eq!(sent(&mut uplink), [(13, 2, false)]);
    uplink.acknowledged(4, 6, Instant::now());
    assert_eq!(sent(&mut uplink), [(7, 2, false)]);
}

#[test]
fn live_samples_go_before_a_backlog_and_its_numbers_stay() {
    let mut uplink = uplink(4);
    attach(&mut uplink, &terms(2, 100));
    push(&mut uplink, 1);
    assert_eq!(sent(&mut uplink), [(5, 1, false), (1, 2, false), (3, 2, false)]);
}

#[test]
fn an_acknowledgement_is_for_its_message_alone() {
    let mut uplink = uplink(4);
    attach(&mut uplink, &terms(2, 100));
    push(&mut uplink, 1);
    sent(&mut uplink);
    uplink.acknowledged(5, 5, Instant::now());
    uplink.acknowledged(3, 4, Instant::now());
    assert_eq!(uplink.spool().depth(), 2);
    attach(&mut uplink, &terms(100, 100));
    assert_eq!(sent(&mut uplink), [(1, 2, true)], "sent before, and not known to be stored");
}

#[test]
fn an_acknowledgement_without_a_first_number_is_for_everything_sent_up_to_there() {
    let mut uplink = uplink(4);
    attach(&mut uplink, &terms(2, 100));
    push(&mut uplink, 1);
    assert_eq!(sent(&mut uplink), [(5, 1, false), (1, 2, false), (3, 2, false)]);
    uplink.acknowledged(0, 2, Instant::now());
    assert_eq!(uplink.spool().first_pending(1, 99), Some((3, 4)));
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_forgets_nothing() {
    let mut uplink = uplink(5);
    attach(&mut uplink, &terms(2, 2));
    sent(&mut uplink);
    for (first, last) in [(0, u64::MAX), (1, 5), (3, 4), (1, 1)] {
        uplink.acknowledged(first, last, Instant::now());
    }
    assert_eq!(uplink.spool().depth(), 5);
}

#[test]
fn a_backlog_keeps_to_the_pace_and_live_samples_do_not_wait_for_it() {
    let mut uplink = uplink(100);
    let paced = Terms { backlog_samples_per_second: Some(20), ..terms(1_000, 10_000) };
    let start = attach(&mut uplink, &paced);
    assert_eq!(sent_at(&mut uplink, start), [(1, 20, false)]);
    assert_eq!(uplink.due(), Some(start + Duration::from_secs(1)));
    push(&mut uplink, 1);
    let early = start + Duration::from_millis(999);
    assert_eq!(sent_at(&mut uplink, early), [(101, 1, false)]);
    assert_eq!(sent_at(&mut uplink, start + Duration::from_secs(1)), [(21, 20, false)]);
    assert_eq!(sent_at(&mut uplink, start + Duration::from_millis(1_999)), []);
}

#[test]
fn live_samples_that_find_no_window_become_backlog_in_order() {
    let mut uplink = uplink(0);
    attach(&mut uplink, &terms(1_000, 4));
    push(&mut uplink, 4);
    assert_eq!(sent(&mut uplink), [(1, 4, false)]);
    let more = i64::try_from(MAX_LIVE).unwrap() + 6;
    push(&mut uplink, more);
    assert_eq!(sent(&mut uplink), []);
    uplink.acknowledged(1, 4, Instant::now());
    assert_eq!(sent(&mut uplink), [(11, 4, false)]);
    assert_eq!(uplink.spool().depth(), u64::try_from(more).unwrap());
    let roomy = terms(1_000, 10_000);
    attach(&mut uplink, &roomy);
    assert_eq!(sent(&mut uplink), [(5, MAX_LIVE + 6, true)]);
}

#[test]
fn a_loss_goes_up_in_the_backlogs_order_and_again_until_it_is_acknowledged() {
    let mut uplink = Uplink::new(Spool::in_memory(1_000));
    push(&mut uplink, 50);
    let kept = uplink.spool().depth();
    let lost = 50 - kept;
    assert!(lost > 0 && kept > 0);
    for _ in 0..2 {
        attach(&mut uplink, &terms(100, 100));
        let Some(Outgoing::Lost(news)) = uplink.next(Instant::now(), Utc::now()) else { panic!("no news") };
        assert_eq!((news.first_seq, news.last_seq, news.reason()), (1, lost, telemetry::GapReason::SpoolFull));
        assert!(news.start_time.unwrap().nanos > 0);
    }
    assert_eq!(samples(uplink.next(Instant::now(), Utc::now()).unwrap()).0, lost + 1);
    uplink.acknowledged(1, lost, Instant::now());
    assert_eq!((uplink.spool().untold(), uplink.spool().depth(), uplink.spool().dropped()), (0, kept, lost));
}

#[test]
fn samples_dropped_while_under_way_are_no_loss_once_they_are_acknowledged() {
    let mut uplink = Uplink::new(Spool::in_memory(1_000));
    push(&mut uplink, 2);
    attach(&mut uplink, &terms(100, 100));
    assert_eq!(sent(&mut uplink), [(1, 2, false)]);
    push(&mut uplink, 40);
    let untold = uplink.spool().untold();
    assert!(untold > 2);
    while let Some(message) = uplink.next(Instant::now(), Utc::now()) {
        assert!(!matches!(message, Outgoing::Lost(_)), "what became of 1 and 2 is not known");
    }
    uplink.acknowledged(1, 2, Instant::now());
    assert_eq!(uplink.spool().untold(), untold - 2);
}

#[test]
fn what_is_older_than_the_server_takes_is_told_as_lost_instead_of_sent() {
    let mut uplink = uplink(0);
    let now = Utc::now();
    for hours in [30, 20, 2, 1] {
        uplink.push(&Sample::empty(now - chrono::TimeDelta::hours(hours)), Duration::ZERO, Instant::now());
    }
    attach(&mut uplink, &Terms { max_sample_age: Some(Duration::from_secs(10 * 3600)), ..terms(100, 100) });
    assert_eq!(samples(uplink.next(Instant::now(), now).unwrap()), (3, 2, false));
    let Some(Outgoing::Lost(news)) = uplink.next(Instant::now(), now) else { panic!("no news") };
    assert_eq!((news.first_seq, news.last_seq), (1, 2));
    assert_eq!(uplink.spool().losses()[0].reason, LossReason::TooOld);
}

#[test]
fn the_round_trip_is_the_time_from_sending_live_samples_to_their_acknowledgement() {
    let mut uplink = uplink(1);
    let start = attach(&mut uplink, &terms(10, 10));
    push(&mut uplink, 1);
    sent_at(&mut uplink, start);
    uplink.acknowledged(1, 1, start + Duration::from_secs(9));
    assert_eq!(uplink.round_trip(), None);
    uplink.acknowledged(2, 2, start + Duration::from_millis(42));
    assert_eq!(uplink.round_trip(), Some(Duration::from_millis(42)));
}
