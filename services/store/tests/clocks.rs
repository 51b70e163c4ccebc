//! Clocks that are wrong: of the database, and of devices.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use homepot::model::{PageRequest, Sample};
use homepot_store::{
    PgConnection, clock,
    maintenance::{self, Guard, Retention, Round, confirm_clock},
    samples::{self, Expected, NewSample},
};

use crate::fixture::*;

/// As if the database's clock had leapt: the last round was so long ago.
fn leap(conn: &mut PgConnection, days: u32) {
    let last = format!("UPDATE maintenance_clock SET last_round = now() - interval '{days} days'");
    conn.batch_execute(&last).unwrap();
}

fn round(conn: &mut PgConnection, guard: &Guard) -> Round {
    maintenance::run(conn, guard, &Retention::default()).unwrap()
}

fn stored(conn: &mut PgConnection, pk: i64) -> Vec<Sample> {
    let (start, end) = (DateTime::UNIX_EPOCH, Utc::now() + TimeDelta::days(400));
    let list = all_pages(100, |page: &PageRequest| samples::list(conn, pk, start, end, page).unwrap());
    list.into_iter().map(|stored| stored.sample).collect()
}

#[tokio::test]
async fn a_round_that_leaps_drops_nothing_until_the_clock_is_confirmed() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    let old = Utc::now().trunc_subsecs(6) - TimeDelta::days(20);
    samples::write(&mut conn, &[NewSample { device: d.pk, sample: Sample::empty(old) }], old, Expected::New).unwrap();
    leap(&mut conn, 20);
    let guard = Guard::default();
    for _ in 0..2 {
        let Round::Held(hold) = round(&mut conn, &guard) else { panic!("the round was not held") };
        assert!(hold.leap >= TimeDelta::days(20) && !hold.left.is_zero() && !hold.contradicted, "{hold:?}");
    }
    assert_eq!(stored(&mut conn, d.pk).len(), 1);
    confirm_clock(&mut conn).unwrap();
    loop {
        let Round::Done(report) = round(&mut conn, &guard) else { panic!("the round was held") };
        if !report.more {
            break;
        }
    }
    assert_eq!(stored(&mut conn, d.pk), []);
    // And the next is measured by this one.
    assert!(matches!(round(&mut conn, &Guard::default()), Round::Done(_)));
}

#[tokio::test]
async fn devices_whose_clocks_did_not_leap_keep_the_hold_from_ending_by_itself() {
    let (database, d) = with_device("d").await;
    let mut conn = database.connect();
    leap(&mut conn, 20);
    let hello = homepot::model::Hello { device_time: Some(Utc::now() - TimeDelta::days(20)), ..hello("boot") };
    begin(&mut conn, d.pk, &hello).unwrap();
    let Round::Held(hold) = round(&mut conn, &Guard::default()) else { panic!("the round was not held") };
    assert!(hold.contradicted, "{hold:?}");
}

#[tokio::test]
async fn a_sample_is_stored_once_however_it_is_corrected_when_it_is_sent_again() {
    let (database, d) = with_device("d").await;
    let now = Utc::now().trunc_subsecs(6);
    let shown = now + TimeDelta::days(10);
    let as_is = |at| Sample { cpu_percent: Some(1.0), ..Sample::empty(at) };
    let corrected = |ms: i64| Sample { device_time: Some(shown), ..as_is(now + TimeDelta::milliseconds(ms)) };
    for lane in [Expected::New, Expected::Repeats] {
        for first in [corrected(0), as_is(shown)] {
            let mut conn = database.connect();
            for again in [corrected(1), as_is(shown), corrected(0), corrected(-2)] {
                for sample in [&first, &again] {
                    let new = [NewSample { device: d.pk, sample: sample.clone() }];
                    samples::write(&mut conn, &new, now, lane).unwrap();
                }
                assert_eq!(stored(&mut conn, d.pk), std::slice::from_ref(&first), "the first word holds");
            }
            conn.batch_execute("DELETE FROM samples; DELETE FROM corrected_samples").unwrap();
        }
    }
}

#[tokio::test]
async fn writers_that_correct_the_same_sample_at_once_store_it_once() {
    let (database, d) = with_device("d").await;
    let now = Utc::now().trunc_subsecs(6);
    let shown = now - TimeDelta::days(300);
    let stored_now = at_once(database.store(), 4, |number| {
        let at = |second| now + TimeDelta::seconds(second) + TimeDelta::milliseconds(number as i64);
        let new: Vec<_> = (0..50)
            .map(|second| {
                let device_time = Some(shown + TimeDelta::seconds(second));
                NewSample { device: d.pk, sample: Sample { device_time, ..Sample::empty(at(second)) } }
            })
            .collect();
        move |conn: &mut PgConnection| samples::write(conn, &new, now, Expected::New)
    })
    .await;
    assert_eq!(stored_now.iter().sum::<usize>(), 50);
    let all = stored(&mut database.connect(), d.pk);
    assert_eq!(all.len(), 50);
    assert!(all.iter().all(|sample| sample.device_time.is_some()));
}

#[tokio::test]
async fn a_cursor_within_a_step_back_goes_back_to_where_the_step_led() {
    let (database, _) = with_device("d").await;
    let mut conn = database.connect();
    let now = Utc::now().trunc_subsecs(6);
    let ago = |seconds| now - TimeDelta::seconds(seconds);
    let step = "INSERT INTO clock_steps_back (led_to, led_from) VALUES ";
    let row = |to: DateTime<Utc>, from: DateTime<Utc>| format!("('{}', '{}')", to.to_rfc3339(), from.to_rfc3339());
    conn.batch_execute(&format!("{step} {}, {}", row(ago(100), ago(80)), row(ago(90), ago(50)))).unwrap();
    let mut resumed = |cursor| clock::resume_from(&mut conn, cursor).unwrap();
    assert_eq!(resumed(ago(110)), ago(110), "before both");
    assert_eq!(resumed(ago(85)), ago(100), "within both");
    assert_eq!(resumed(ago(60)), ago(90), "within the later one");
    assert_eq!(resumed(ago(40)), ago(40), "after both");
    assert!(resumed(now + TimeDelta::seconds(60)) < ago(500), "of a future that no known step explains");
}
