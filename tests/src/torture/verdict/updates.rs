//! What rollouts promise: in the end every device has the last release, whole and of one piece; nothing is put in place twice for
//! one order; one device a site is changed at a time.

use std::collections::{BTreeMap, BTreeSet};

use homepot_release::Digest;

use super::{
    super::updates::{Found, content, is_one_release, looks::Look, rollouts::has_ended},
    Evidence, Offence, distinct,
};

/// The agent starts so often during one probation at most, and reloads with each start.
const MOST_RELOADS: usize = 3;

/// Rollouts that were answered are there once, and have ended.
pub(super) fn rollouts_broken(evidence: &Evidence) -> Vec<Offence> {
    let told = &evidence.rollouts;
    let mut offences = Vec::new();
    let mut left: BTreeSet<&str> = told.kept.iter().map(|rollout| rollout.rollout_id.as_str()).collect();
    for (key, ids) in &told.rollouts {
        let ids = distinct(ids);
        let kept = ids.iter().filter(|id| left.remove(**id)).count();
        if ids.len() != 1 || kept != 1 {
            offences.push(Offence::new(key, format!("was answered {ids:?}, of which {kept} are there")));
        }
    }
    offences.extend(left.into_iter().map(|id| Offence::new(id, "nobody was told of this rollout")));
    let open = told.kept.iter().filter(|rollout| !has_ended(rollout));
    offences.extend(open.map(|rollout| Offence::new(&rollout.rollout_id, format!("does not end: {rollout:?}"))));
    offences
}

/// Every device has the last release on its disk, and the server knows it.
pub(super) fn not_installed(evidence: &Evidence) -> Vec<Offence> {
    let last = evidence.rollouts.last;
    let digest = Digest::of(&content(last)).to_string();
    let mut offences = Vec::new();
    for (device, found) in &evidence.found {
        if found.map(Found::number) != [Some(last); 2] {
            offences
                .push(Offence::new(device, format!("should have release {last} and has {}, {}", found[0], found[1])));
        }
        let update = evidence.rollouts.updates.get(device);
        let told = update.map(|update| update.targets.iter().map(|target| target.sha256.as_str()).collect::<Vec<_>>());
        if told.as_deref() != Some(&[digest.as_str(); 2]) {
            offences.push(Offence::new(device, format!("should be told to have release {last}, {digest}: {update:?}")));
        }
    }
    offences
}

/// No program of a device, and nobody in the end, finds files of two releases beside each other, or a part of one.
pub(super) fn mixed(evidence: &Evidence) -> Vec<Offence> {
    let looks = evidence.looks.iter().flat_map(|(device, looks)| looks.iter().map(move |look| (device, look.found)));
    let ends = evidence.found.iter().map(|(device, found)| (device, *found));
    let wrong = looks.chain(ends).filter(|(_, found)| !is_one_release(*found));
    wrong.map(|(device, [prices, menu])| Offence::new(device, format!("had {prices} and {menu} at once"))).collect()
}

/// For one order the files are put in place once, and the reload program runs no more often than the agent may start.
pub(super) fn applied_twice(evidence: &Evidence) -> Vec<Offence> {
    let mut offences = Vec::new();
    for (device, looks) in &evidence.looks {
        for (generation, looks) in by_generation(looks) {
            // The old files may be back by then.
            let new = looks.iter().filter_map(|look| look.found[0].number()).max();
            let with_new: Vec<_> = looks.iter().filter(|look| look.found[0].number() == new).collect();
            let files: BTreeSet<_> = with_new.iter().map(|look| look.found.map(|found| found.to_string())).collect();
            let reloads = with_new.iter().filter(|look| look.reloads).count();
            if new.is_some() && (files.len() > 1 || reloads > MOST_RELOADS) {
                let what =
                    format!("put release {new:?} in place as {files:?} for order {generation}, with {reloads} reloads");
                offences.push(Offence::new(device, what));
            }
        }
    }
    offences
}

/// From the first program that saw the new files to the last, no other device of the site is at it.
pub(super) fn sites_crowded(evidence: &Evidence) -> Vec<Offence> {
    let mut turns = Vec::new();
    for (device, looks) in &evidence.looks {
        for (generation, looks) in by_generation(looks) {
            let times = || looks.iter().map(|look| look.at);
            turns.extend(times().min().zip(times().max()).map(|(from, to)| (from, to, device, generation)));
        }
    }
    turns.sort_unstable();
    let mut offences = Vec::new();
    // The turn that goes on for longest of those before.
    let mut longest: Option<(i64, &String, u64)> = None;
    for (from, to, device, generation) in turns {
        if let Some((until, other, of)) = longest
            && other != device
            && from < until
        {
            let what = format!("began order {generation} at {from}, while {other} was at order {of} until {until}");
            offences.push(Offence::new(device, what));
        }
        if longest.is_none_or(|(until, ..)| until < to) {
            longest = Some((to, device, generation));
        }
    }
    offences
}

fn by_generation(looks: &[Look]) -> BTreeMap<u64, Vec<Look>> {
    let mut orders = BTreeMap::<u64, Vec<Look>>::new();
    for look in looks {
        orders.entry(look.generation).or_default().push(*look);
    }
    orders
}

#[cfg(test)]
mod tests {
    use homepot::pb::rollout::v1::{DeviceTarget, GetDeviceUpdateResponse, Rollout, RolloutState};

    use super::*;

    fn whole(number: u64, inode: u64) -> [Found; 2] {
        [Found::Whole { number, inode }, Found::Whole { number, inode: inode + 1 }]
    }

    fn look(generation: u64, at: i64, reloads: bool, found: [Found; 2]) -> Look {
        Look { generation, at, pid: 1, reloads, found }
    }

    /// Two devices that took the same release one after the other.
    fn good() -> Evidence {
        let mut evidence = Evidence::default();
        let told = &mut evidence.rollouts;
        told.last = 3;
        told.rollouts.push(("rollout-3".to_owned(), vec!["r".to_owned(), "r".to_owned()]));
        let state = RolloutState::Completed.into();
        told.kept.push(Rollout { rollout_id: "r".to_owned(), state, ..Default::default() });
        let target = DeviceTarget { sha256: Digest::of(&content(3)).to_string(), ..Default::default() };
        for (device, at) in [("a", 10), ("b", 20)] {
            let update =
                GetDeviceUpdateResponse { targets: vec![target.clone(), target.clone()], ..Default::default() };
            told.updates.insert(device.to_owned(), update);
            evidence.found.insert(device.to_owned(), whole(3, 7));
            let looks = vec![look(1, at, true, whole(3, 7)), look(1, at + 2, false, whole(3, 7))];
            evidence.looks.insert(device.to_owned(), looks);
        }
        evidence
    }

    fn broken(evidence: &Evidence) -> [usize; 5] {
        [rollouts_broken, not_installed, mixed, applied_twice, sites_crowded].map(|check| check(evidence).len())
    }

    fn spoilt(spoil: impl FnOnce(&mut Evidence)) -> [usize; 5] {
        let mut evidence = good();
        spoil(&mut evidence);
        broken(&evidence)
    }

    #[test]
    fn what_went_well_breaks_no_promise() {
        assert_eq!(broken(&good()), [0; 5]);
    }

    #[test]
    fn a_rollout_that_is_lost_doubled_or_open_is_found() {
        assert_eq!(spoilt(|all| all.rollouts.kept.clear()), [1, 0, 0, 0, 0]);
        assert_eq!(spoilt(|all| all.rollouts.rollouts[0].1.push("s".to_owned())), [1, 0, 0, 0, 0]);
        assert_eq!(spoilt(|all| all.rollouts.rollouts.clear()), [1, 0, 0, 0, 0]);
        assert_eq!(spoilt(|all| all.rollouts.kept[0].set_state(RolloutState::Halted)), [1, 0, 0, 0, 0]);
    }

    #[test]
    fn a_device_without_the_last_release_and_one_of_which_the_server_does_not_know_it_are_found() {
        let lay = |found: [Found; 2]| spoilt(|all| all.found.extend([("a".to_owned(), found)]));
        assert_eq!(lay(whole(2, 7)), [0, 1, 0, 0, 0]);
        assert_eq!(lay([whole(3, 7)[0], whole(2, 7)[1]]), [0, 1, 1, 0, 0]);
        assert_eq!(lay([Found::Broken; 2]), [0, 1, 1, 0, 0]);
        assert_eq!(spoilt(|all| drop(all.rollouts.updates.remove("a"))), [0, 1, 0, 0, 0]);
        assert_eq!(spoilt(|all| all.rollouts.updates.get_mut("a").unwrap().targets.truncate(1)), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn files_that_are_put_in_place_again_and_reloads_without_end_are_found() {
        let more = |looks: &[Look]| spoilt(|all| all.looks.get_mut("a").unwrap().extend_from_slice(looks));
        let reload = |found| look(1, 11, true, found);
        assert_eq!(more(&[reload(whole(3, 9))]), [0, 0, 0, 1, 0]);
        assert_eq!(more(&[reload(whole(3, 7)); 3]), [0, 0, 0, 1, 0]);
        // Two more starts, and then the old files are back, which is tried again and again.
        assert_eq!(more(&[reload(whole(3, 7)), reload(whole(3, 7))]), [0; 5]);
        assert_eq!(more(&[reload(whole(2, 5)); 9]), [0; 5]);
        assert_eq!(more(&[reload([Found::Nothing, whole(3, 7)[1]])]), [0, 0, 1, 0, 0]);
    }

    #[test]
    fn two_devices_of_a_site_at_a_time_are_one_too_many() {
        let again = |at| spoilt(|all| all.looks.get_mut("a").unwrap().push(look(1, at, false, whole(3, 7))));
        assert_eq!(again(19), [0; 5]);
        assert_eq!(again(21), [0, 0, 0, 0, 1]);
        assert_eq!(again(30), [0, 0, 0, 0, 1]);
    }
}
