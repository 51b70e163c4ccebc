use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use chrono::{SubsecRound as _, TimeDelta};
use homepot::model::to_proto_timestamp;
use proptest::prelude::*;

use super::*;

const NO_LIMITS: Limits = Limits { samples: usize::MAX, bytes: usize::MAX };

fn options(directory: &Path, max_bytes: u64) -> Options {
    Options { directory: Some(directory.join("spool")), max_bytes, max_age: MAX_AGE }
}

fn open(directory: &Path) -> Spool {
    Spool::open(options(directory, MAX_BYTES))
}

/// The sample of that number: measured lately, and unlike all others.
fn sample(start: DateTime<Utc>, number: u64) -> pb::Sample {
    let at = start + TimeDelta::milliseconds(i64::try_from(number).unwrap());
    pb::Sample { collected_at: Some(to_proto_timestamp(at)), cpu_percent: Some(number as f64), ..Default::default() }
}

fn push(spool: &mut Spool, count: u64) -> Vec<u64> {
    // From the middle of a second: a few milliseconds more or less do not change how long a record is.
    let start = Utc::now().trunc_subsecs(0) + TimeDelta::milliseconds(500) - TimeDelta::hours(1);
    (0..count).map(|n| spool.push(&sample(start, n), Instant::now()).unwrap()).collect()
}

/// Everything pending, by number.
fn pending(spool: &mut Spool, limits: Limits) -> BTreeMap<u64, pb::Sample> {
    let mut all = BTreeMap::new();
    let mut from = 1;
    while let Some(run) = spool.read(from, u64::MAX, limits, Utc::now()) {
        from = run.first_seq + run.samples.len() as u64;
        all.extend((run.first_seq..).zip(run.samples));
    }
    all
}

fn numbers(spool: &mut Spool) -> Vec<u64> {
    pending(spool, NO_LIMITS).into_keys().collect()
}

fn lost(spool: &Spool) -> Vec<(u64, u64, LossReason)> {
    spool.losses().iter().map(|lost| (lost.first, lost.last, lost.reason)).collect()
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("spool")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = entries.filter(|path| path.extension().is_some_and(|name| name == "seg")).collect();
    paths.sort();
    paths
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_pushed_is_there_after_the_agent_was_killed_and_what_was_settled_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    assert_eq!(push(&mut spool, 5), [1, 2, 3, 4, 5]);
    spool.settle(2, 3);
    let before = pending(&mut spool, NO_LIMITS);
    spool.close(Instant::now());
    let mut spool = open(directory.path());
    assert_eq!(pending(&mut spool, NO_LIMITS), before);
    assert_eq!((spool.depth(), spool.next_seq()), (3, 6), "numbers go on after a clean end");
    push(&mut spool, 1);
    drop(spool);
    let mut spool = open(directory.path());
    assert_eq!(numbers(&mut spool), [1, 4, 5, 6]);
    assert!(spool.next_seq() > 1_000_000, "and far above after any other");
    let next = spool.next_seq();
    assert_eq!(push(&mut spool, 1), [next]);
    assert_eq!((numbers(&mut spool), spool.depth()), (vec![1, 4, 5, 6, next], 5));
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_off_and_the_spool_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    push(&mut open(directory.path()), 3);
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let record = whole.len() / 3;
    for cut in 0..whole.len() {
        let _ = fs::remove_file(directory.path().join("spool/ledger"));
        fs::write(&path, &whole[..cut]).unwrap();
        let mut spool = open(directory.path());
        let kept: Vec<_> = (1..=(cut / record) as u64).collect();
        assert_eq!((numbers(&mut spool), lost(&spool)), (kept.clone(), vec![]), "cut at {cut}");
        let next = push(&mut spool, 1);
        drop(spool);
        let again = numbers(&mut open(directory.path()));
        assert_eq!(again, [kept, next].concat());
        segments(directory.path()).iter().skip(1).for_each(|path| fs::remove_file(path).unwrap());
    }
}

#[test]
fn a_damaged_record_is_passed_over_and_told_as_lost() {
    let directory = tempfile::tempdir().unwrap();
    push(&mut open(directory.path()), 5);
    let path = segments(directory.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    let record = whole.len() / 5;
    for place in record..3 * record {
        fs::remove_file(directory.path().join("spool/ledger")).unwrap();
        rewrite(&path, |bytes| (*bytes = whole.clone(), bytes[place] ^= 0x10).0);
        let mut spool = open(directory.path());
        let hit = (place / record) as u64 + 1;
        let others: Vec<_> = (1..=5).filter(|n| *n != hit).collect();
        assert_eq!(numbers(&mut spool), others, "byte {place}");
        assert_eq!(lost(&spool), [(hit, hit, LossReason::Damaged)]);
        assert_eq!((spool.depth(), spool.untold(), spool.dropped()), (4, 1, 1));
        let told = &spool.losses()[0];
        assert!(told.start <= told.end && told.end < Utc::now());
        spool.settle(hit, hit);
        assert_eq!(spool.untold(), 0);
    }
}

#[test]
fn damage_that_comes_while_the_agent_runs_is_told_as_lost_too() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    push(&mut spool, 5);
    let path = segments(directory.path()).remove(0);
    let record = fs::read(&path).unwrap().len() / 5;
    rewrite(&path, |bytes| bytes[record + 3] ^= 1);
    assert_eq!((numbers(&mut spool), lost(&spool)), (vec![1, 3, 4, 5], vec![(2, 2, LossReason::Damaged)]));
    fs::remove_file(&path).unwrap();
    assert!(numbers(&mut spool).is_empty());
    assert_eq!((lost(&spool), spool.depth()), (vec![(1, 5, LossReason::Damaged)], 0));
}

#[test]
fn a_full_spool_drops_its_oldest_and_the_loss_outlives_the_agent_until_it_is_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let small = options(directory.path(), 4_096);
    let mut spool = Spool::open(small.clone());
    push(&mut spool, 500);
    assert!(spool.bytes() <= 4_096);
    let kept = numbers(&mut spool);
    let first = kept[0];
    assert_eq!(kept, (first..=500).collect::<Vec<_>>());
    assert_eq!(lost(&spool), [(1, first - 1, LossReason::SpoolFull)], "one loss, however often it was full");
    let loss = spool.losses()[0].clone();
    assert_eq!((loss.end - loss.start).num_milliseconds(), i64::try_from(first).unwrap() - 2);
    drop(spool);
    let mut spool = Spool::open(small.clone());
    assert_eq!((numbers(&mut spool), spool.losses()), (kept, &[loss.clone()][..]));
    spool.settle(loss.first, loss.last);
    drop(spool);
    assert_eq!(Spool::open(small).losses(), []);
}

#[test]
fn samples_that_are_too_old_are_lost_and_their_files_go() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(options(directory.path(), 8_192));
    let now = Utc::now();
    for n in 0..40 {
        spool.push(&sample(now - TimeDelta::days(30), n), Instant::now()).unwrap();
    }
    push(&mut spool, 40);
    assert_eq!(numbers(&mut spool), (41..=80).collect::<Vec<_>>());
    assert_eq!(lost(&spool), [(1, 40, LossReason::TooOld)]);
    assert!(segments(directory.path())[0].to_str().unwrap() > directory.path().join("spool/00").to_str().unwrap());
    assert!(fs::read_dir(directory.path().join("spool")).unwrap().count() <= 4);
}

#[test]
fn whole_files_are_removed_once_nothing_in_them_is_pending() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(options(directory.path(), 8_192));
    push(&mut spool, 100);
    let before = segments(directory.path()).len();
    assert!(before > 3);
    spool.settle(1, 99);
    assert_eq!(numbers(&mut spool), [100]);
    assert_eq!(segments(directory.path()).len(), 1);
}

#[test]
fn a_sample_that_is_too_large_is_counted_and_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    let large = pb::Sample { cpu_percent: Some(1.0), ..sample(Utc::now(), 0) };
    let name = "x".repeat(record::MAX_PAYLOAD);
    let sensor = pb::Temperature { sensor: name, celsius: 1.0 };
    assert_eq!(spool.push(&pb::Sample { temperatures: vec![sensor], ..large }, Instant::now()), None);
    assert_eq!((push(&mut spool, 2), spool.dropped()), (vec![1, 2], 1));
    drop(spool);
    assert_eq!(numbers(&mut open(directory.path())), [1, 2]);
}

#[test]
fn limits_of_a_run_are_kept_and_reading_goes_on_where_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(options(directory.path(), 64 * 1024));
    push(&mut spool, 200);
    for limits in [Limits { samples: 7, bytes: usize::MAX }, Limits { samples: usize::MAX, bytes: 1 }] {
        let run = spool.read(1, u64::MAX, limits, Utc::now()).unwrap();
        assert!(run.samples.len() <= 7);
        assert_eq!(pending(&mut spool, limits).len(), 200);
    }
}

#[test]
fn a_disk_that_fails_is_replaced_by_a_bounded_memory_and_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    // A file where the directory should be: no user, not even root, can write below it.
    fs::write(directory.path().join("spool"), b"").unwrap();
    let mut spool = Spool::open(options(directory.path(), 20_000));
    let now = Instant::now();
    let start = Utc::now();
    for n in 0..1_000 {
        spool.push(&sample(start, n), now).unwrap();
    }
    assert!(!spool.disk_works());
    let kept = numbers(&mut spool);
    assert_eq!(kept.len() as u64 + spool.untold(), 1_000);
    assert_eq!(lost(&spool), [(1, kept[0] - 1, LossReason::SpoolFull)]);
    assert!((100..500).contains(&kept.len()), "{} fit", kept.len());

    fs::remove_file(directory.path().join("spool")).unwrap();
    spool.push(&sample(start, 1_000), now + RETRY_DISK / 2).unwrap();
    assert!(!spool.disk_works(), "not tried again so soon");
    spool.push(&sample(start, 1_001), now + RETRY_DISK).unwrap();
    assert!(spool.disk_works());
    let (kept, losses) = (numbers(&mut spool), spool.losses().to_vec());
    assert_eq!(kept.last(), Some(&1_002));
    drop(spool);
    let mut spool = Spool::open(options(directory.path(), 20_000));
    assert_eq!((numbers(&mut spool), spool.losses()), (kept, &losses[..]));
}

#[test]
fn a_spool_that_is_removed_under_a_running_agent_is_made_again_with_what_is_pending() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    push(&mut spool, 5);
    spool.settle(1, 2);
    fs::remove_dir_all(directory.path().join("spool")).unwrap();
    push(&mut spool, 1);
    assert_eq!(numbers(&mut spool), [3, 4, 5, 6]);
    assert!(spool.losses().is_empty() && spool.disk_works());
    drop(spool);
    let mut again = open(directory.path());
    assert_eq!(numbers(&mut again), [3, 4, 5, 6]);
    assert!(again.push(&sample(Utc::now(), 7), Instant::now()).unwrap() > 6);
}

#[test]
fn samples_of_segments_that_were_removed_are_told_as_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(options(directory.path(), 80_000));
    push(&mut spool, 1_000);
    let newest = segments(directory.path()).last().unwrap().clone();
    let first: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let dropped = spool.losses().last().map_or(0, |lost| lost.last);
    fs::remove_dir_all(directory.path().join("spool")).unwrap();
    push(&mut spool, 1);
    assert_eq!(numbers(&mut spool), (first..=1_001).collect::<Vec<_>>());
    let told: Vec<_> = lost(&spool).into_iter().filter(|(_, _, reason)| *reason == LossReason::Damaged).collect();
    let covered: u64 = told.iter().map(|(first, last, _)| last - first + 1).sum();
    assert_eq!((told[0].0, covered), (dropped + 1, first - dropped - 1));
    let losses = spool.losses().to_vec();
    drop(spool);
    assert_eq!(Spool::open(options(directory.path(), 80_000)).losses(), losses);
}

#[test]
fn numbers_of_a_run_whose_disk_took_nothing_are_not_given_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    let given = push(&mut spool, 3);
    spool.close(Instant::now());
    drop(spool);
    // A directory in the place of the file that is written first: no user, not even root, can write there.
    let block = directory.path().join("spool/ledger.new");
    fs::create_dir(&block).unwrap();
    let mut spool = open(directory.path());
    let unseen = push(&mut spool, 1);
    drop(spool);
    fs::remove_dir(&block).unwrap();
    for path in segments(directory.path()).iter().skip(1) {
        fs::remove_file(path).unwrap();
    }
    let next = push(&mut open(directory.path()), 1);
    assert!(next[0] > given[2] && next != unseen, "{given:?}, {unseen:?}, {next:?}");
}

#[test]
fn records_are_synced_by_number_and_by_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    let (now, start) = (Instant::now(), Utc::now());
    for n in 0..u64::from(SYNC_RECORDS) - 1 {
        spool.push(&sample(start, n), now + Duration::from_secs(n)).unwrap();
        assert_eq!(spool.sync_by(), Some(now + SYNC_WITHIN), "counted from the first that is not synced");
    }
    spool.push(&sample(start, 99), now).unwrap();
    assert_eq!(spool.sync_by(), None);
}

/// What a random test does to a spool.
#[derive(Clone, Debug)]
enum Step {
    Push(u64),
    /// Of the pending numbers, from and to this share.
    Settle(u8, u8),
    Kill,
    End,
    /// The power goes: so many bytes of what is not synced are lost.
    PowerCut(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..40).prop_map(Step::Push),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Step::Settle(from, to)),
        1 => Just(Step::Kill),
        1 => Just(Step::End),
        1 => (0_usize..600).prop_map(Step::PowerCut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_pending_as_it_was_or_lost_or_settled_whatever_happens(
        steps in prop::collection::vec(step(), 1..40),
        max_bytes in prop_oneof![Just(3_000_u64), Just(MAX_BYTES)],
        limit in 1_usize..50,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let options = options(directory.path(), max_bytes);
        let limits = Limits { samples: limit, bytes: 4_000 };
        let start = Utc::now() - TimeDelta::hours(1);
        let mut spool = Spool::open(options.clone());
        let mut given = BTreeMap::new();
        let (mut settled, mut cut) = (BTreeSet::new(), BTreeSet::<u64>::new());
        for step in steps {
            match step {
                Step::Push(count) => for _ in 0..count {
                    let sample = sample(start, given.len() as u64);
                    let seq = spool.push(&sample, Instant::now()).unwrap();
                    prop_assert!(given.keys().all(|known| *known < seq), "{} was given before", seq);
                    given.insert(seq, sample);
                },
                Step::Settle(from, to) => {
                    let now = pending(&mut spool, limits).into_keys().collect::<Vec<_>>();
                    let at = |share: u8| now.get(now.len() * usize::from(share) / 256).copied();
                    let (Some(from), Some(to)) = (at(from.min(to)), at(from.max(to))) else { continue };
                    spool.settle(from, to);
                    settled.extend(given.range(from..=to).map(|(seq, _)| *seq));
                }
                Step::Kill => { drop(spool); spool = Spool::open(options.clone()); }
                Step::End => { spool.close(Instant::now()); drop(spool); spool = Spool::open(options.clone()); }
                Step::PowerCut(bytes) => {
                    let unsynced = spool.writer.as_ref().map_or(0, |writer| writer.unsynced as usize);
                    drop(spool);
                    if let Some(path) = segments(directory.path()).pop() {
                        let whole = fs::read(&path).unwrap();
                        let ends: Vec<_> = record::Records::new(&whole, 1..=u64::MAX).map(|found| match found {
                            record::Found::Record { end, .. } => end,
                            record::Found::Damage { .. } => 0,
                        }).collect();
                        let synced = ends.len().checked_sub(unsynced + 1).map_or(0, |last| ends[last]);
                        rewrite(&path, |all| all.truncate(whole.len().saturating_sub(bytes).max(synced)));
                        let left = ends.iter().filter(|end| **end <= whole.len().saturating_sub(bytes).max(synced)).count();
                        cut.extend(given.keys().rev().take(ends.len() - left));
                    }
                    spool = Spool::open(options.clone());
                }
            }
            let now = pending(&mut spool, limits);
            prop_assert_eq!(now.len() as u64, spool.depth());
            for (seq, sample) in &now {
                prop_assert_eq!(Some(sample), given.get(seq));
            }
            let is_lost = |seq: u64| spool.losses().iter().any(|lost| (lost.first..=lost.last).contains(&seq));
            for seq in given.keys().filter(|seq| !settled.contains(*seq) && !cut.contains(*seq)) {
                prop_assert!(now.contains_key(seq) != is_lost(*seq), "{} is neither pending nor lost, or both", seq);
            }
            let over = spool.bytes().saturating_sub(max_bytes);
            prop_assert!(over < 500, "{} bytes over", over);
        }
    }
}
