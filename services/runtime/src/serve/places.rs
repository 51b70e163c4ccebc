//! Places for strangers (connections without accepted credentials): a bounded number, shared fairly among addresses.
//!
//! A newcomer is let in at once, and the oldest stranger makes room. A stranger that has done more counts as some
//! seconds younger. So nobody can keep others out by coming first and staying. Where all places are taken, an address
//! with very many of them gives one up before anybody else does; an address with all that it may have gives up its own.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How far somebody has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Has not sent a byte.
    Silent,
    /// Has sent something.
    Spoke,
    /// Has finished the TLS handshake or sent a whole request.
    Established,
    /// Has shown credentials that are being checked.
    Checking,
}

impl Stage {
    /// By how much its holder counts as younger. By a time and not by rank: else who is far along and never goes would
    /// displace newcomers that had no chance to speak yet.
    fn bonus(self) -> Duration {
        match self {
            Self::Silent => Duration::ZERO,
            Self::Spoke => Duration::from_secs(1),
            Self::Established => Duration::from_secs(2),
            Self::Checking => Duration::from_secs(30),
        }
    }
}

/// How many places there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// For one IPv4 address, or one /64 network of IPv6.
    pub per_address: usize,
}

/// The places. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    state: Mutex<State>,
}

/// When a place was taken, later by the bonus of its stage; and a number, because two may be taken at once.
type Order = (Instant, u64);

#[derive(Debug, Default)]
struct State {
    next: u64,
    by_age: BTreeMap<Order, IpAddr>,
    by_address: HashMap<IpAddr, BTreeMap<Order, CancellationToken>>,
    /// The addresses by how many places they hold.
    sizes: BTreeSet<(usize, IpAddr)>,
}

/// A place that somebody holds; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    address: IpAddr,
    taken: Instant,
    number: u64,
    stage: Mutex<Stage>,
    lost: CancellationToken,
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Shared { limits, state: Mutex::default() }))
    }

    /// Takes a place for somebody at `address`, which [`crate::peer::counted_as`] gave. Whoever makes room for it learns
    /// of it by [`Place::lost`].
    pub(crate) fn take(&self, address: IpAddr) -> Place {
        let mut state = self.state();
        let held = state.by_address.get(&address).map_or(0, BTreeMap::len);
        if held >= self.0.limits.per_address {
            state.evict_from(address);
        } else if state.by_age.len() >= self.0.limits.total {
            state.evict(self.many());
        }
        state.next += 1;
        let (taken, number, lost) = (Instant::now(), state.next, CancellationToken::new());
        state.insert(address, (taken, number), lost.clone());
        drop(state);
        Place { places: self.clone(), address, taken, number, stage: Mutex::new(Stage::Silent), lost }
    }

    /// Takes a place away from whoever should make room next; `false` when nobody holds one.
    pub(crate) fn evict(&self) -> bool {
        self.state().evict(self.many())
    }

    /// An address with more places than this gives one up before others do. A shop behind one address has fewer.
    fn many(&self) -> usize {
        self.0.limits.total / 16
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }
}

impl State {
    fn evict(&mut self, many: usize) -> bool {
        let largest = self.sizes.last().filter(|(held, _)| *held > many).map(|(_, address)| *address);
        let oldest = || self.by_age.values().next().copied();
        largest.or_else(oldest).is_some_and(|address| self.evict_from(address))
    }

    fn evict_from(&mut self, address: IpAddr) -> bool {
        let first = self.by_address.get(&address).and_then(|held| held.keys().next().copied());
        let lost = first.and_then(|order| self.remove(address, order));
        lost.map(|lost| lost.cancel()).is_some()
    }

    fn insert(&mut self, address: IpAddr, order: Order, lost: CancellationToken) {
        let held = self.by_address.entry(address).or_default();
        self.sizes.remove(&(held.len(), address));
        held.insert(order, lost);
        self.sizes.insert((held.len(), address));
        self.by_age.insert(order, address);
    }

    fn remove(&mut self, address: IpAddr, order: Order) -> Option<CancellationToken> {
        let held = self.by_address.get_mut(&address)?;
        let before = held.len();
        let lost = held.remove(&order)?;
        self.sizes.remove(&(before, address));
        if held.is_empty() {
            self.by_address.remove(&address);
        } else {
            self.sizes.insert((before - 1, address));
        }
        self.by_age.remove(&order);
        Some(lost)
    }
}

impl Place {
    /// Cancelled when the place went to somebody else.
    pub(crate) fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// How far its holder has come.
    pub(crate) fn stage(&self) -> Stage {
        *self.locked_stage()
    }

    /// Notes how far its holder has come.
    pub(crate) fn set_stage(&self, new: Stage) {
        let mut stage = self.locked_stage();
        if *stage == new {
            return;
        }
        let mut state = self.places.state();
        let Some(lost) = state.remove(self.address, self.order(*stage)) else { return };
        *stage = new;
        state.insert(self.address, self.order(new), lost);
    }

    fn order(&self, stage: Stage) -> Order {
        (self.taken + stage.bonus(), self.number)
    }

    fn locked_stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let order = self.order(self.stage());
        // Gone already when it was taken away.
        self.places.state().remove(self.address, order);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(total: usize, per_address: usize) -> Places {
        Places::new(Limits { total, per_address })
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn lost(held: &[Place]) -> Vec<bool> {
        held.iter().map(|place| place.lost().is_cancelled()).collect()
    }

    #[test]
    fn within_an_address_the_oldest_that_did_least_makes_room() {
        let places = places(100, 3);
        let held: Vec<_> = (0..3).map(|_| places.take(address(1))).collect();
        held[0].set_stage(Stage::Spoke);
        held[1].set_stage(Stage::Checking);
        let _fourth = places.take(address(1));
        assert_eq!(lost(&held), [false, false, true]);
        let _fifth = places.take(address(1));
        assert_eq!(lost(&held), [false, false, true], "the fourth was silent");
        assert_eq!(places.state().by_age.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stays_makes_room_for_newcomers_however_far_it_came() {
        let places = places(3, 3);
        let old = places.take(address(1));
        old.set_stage(Stage::Established);
        tokio::time::advance(Duration::from_secs(3)).await;
        let held: Vec<_> = (0..3).map(|_| places.take(address(1))).collect();
        assert!(old.lost().is_cancelled());
        assert_eq!(lost(&held), [false; 3]);
    }

    #[test]
    fn a_shop_loses_no_place_to_a_flood_from_everywhere() {
        let places = places(64, 64);
        let flood: Vec<_> = (10..74).map(|last| places.take(address(last))).collect();
        let shop: Vec<_> = (0..4).map(|_| places.take(address(1))).collect();
        let more: Vec<_> = (80..140).map(|last| places.take(address(last))).collect();
        assert_eq!(lost(&shop), [false; 4]);
        assert_eq!(lost(&flood), [true; 64]);
        drop(more);
    }

    #[test]
    fn an_address_that_takes_all_places_is_the_one_that_gives_them_up() {
        let places = places(10, 10);
        let flood: Vec<_> = (0..10).map(|_| places.take(address(1))).collect();
        flood.iter().for_each(|place| place.set_stage(Stage::Established));
        let quiet: Vec<_> = (2..6).map(|last| places.take(address(last))).collect();
        assert_eq!(lost(&quiet), [false; 4]);
        assert_eq!(lost(&flood).iter().filter(|lost| **lost).count(), 4);
        let again: Vec<_> = (0..20).map(|_| places.take(address(1))).collect();
        assert_eq!(lost(&quiet), [false; 4], "the address with the most places pays for its own");
        let kept = flood.iter().chain(&again).filter(|place| !place.lost().is_cancelled());
        assert_eq!(kept.count(), 6);
    }

    #[test]
    fn a_place_that_is_given_back_is_free() {
        let places = places(2, 2);
        let first = places.take(address(1));
        drop(places.take(address(1)));
        let second = places.take(address(2));
        assert!(!first.lost().is_cancelled() && !second.lost().is_cancelled());
        drop((first, second));
        let state = places.state();
        assert!(state.by_address.is_empty() && state.sizes.is_empty() && state.by_age.is_empty());
    }

    #[test]
    fn a_place_that_was_lost_has_no_stage_any_more_and_frees_nothing_twice() {
        let places = places(1, 1);
        let first = places.take(address(1));
        let second = places.take(address(1));
        first.set_stage(Stage::Checking);
        drop(first);
        assert_eq!(places.state().by_age.len(), 1);
        assert!(places.evict() && second.lost().is_cancelled());
        assert!(!places.evict());
    }
}
