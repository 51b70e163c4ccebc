//! The order in which Argon2 checks run: credentials that are almost certainly right first, the others in fair shares.
//!
//! A secret whose check tag fits waits in a lane of its own, which nobody can fill without knowing secrets. What has no tag
//! to go by takes turns: each network has its turn, and within a network each name. When there are too many, the network
//! that has most in the queue loses one. Who failed too often waits in the last lane, which goes on slowly and only while
//! the others are empty; in there the place of each is a matter of chance, so that a right secret has its chance too.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

/// Of so many turns, one is for the fair lane, however many wait in the first.
const FAIR_TURN: u32 = 4;
/// Between two of the last lane.
const SLOW_EVERY: Duration = Duration::from_millis(250);
/// Places in the last lane.
const SLOW_PLACES: usize = 32;

/// Who has work done: a network and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// An address, or the network of one; `None`: of no address, such as this process itself.
    pub(crate) network: Option<IpAddr>,
    /// A device's id, a token's public letters or an operator's name.
    pub(crate) name: String,
}

/// Where work waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Ahead of all.
    First,
    /// Taking turns.
    Fair(Place),
    /// After all.
    Slow,
}

/// Work by lanes, bounded in each.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    most: usize,
    first: VecDeque<T>,
    fair: Fair<T>,
    slow: Vec<T>,
    slow_at: Option<Instant>,
    turn: u32,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// This.
    Work(T),
    /// Nothing for that long, unless something comes.
    Wait(Duration),
    /// Nothing until something comes.
    Nothing,
}

impl<T> Queue<T> {
    /// At most so many wait in the first lane, and as many in the fair one.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, first: VecDeque::new(), fair: Fair::default(), slow: Vec::new(), slow_at: None, turn: 0 }
    }

    /// Puts work in its lane; answers what found no place, which may be other work. `random` picks in the last lane.
    pub(crate) fn push(&mut self, lane: Lane, work: T, random: u32) -> Option<T> {
        match lane {
            Lane::First if self.first.len() >= self.most => return Some(work),
            Lane::First => self.first.push_back(work),
            Lane::Fair(place) => {
                self.fair.push(place, work);
                if self.fair.count > self.most {
                    return self.fair.drop_one();
                }
            }
            Lane::Slow if self.slow.len() < SLOW_PLACES => self.slow.push(work),
            Lane::Slow => {
                let victim = random as usize % self.slow.len();
                return Some(std::mem::replace(&mut self.slow[victim], work));
            }
        }
        None
    }

    /// Takes the next work.
    pub(crate) fn pop(&mut self, now: Instant, random: u32) -> Next<T> {
        self.turn = self.turn.wrapping_add(1);
        if self.turn.is_multiple_of(FAIR_TURN)
            && let Some(work) = self.fair.pop()
        {
            return Next::Work(work);
        }
        if let Some(work) = self.first.pop_front().or_else(|| self.fair.pop()) {
            return Next::Work(work);
        }
        if self.slow.is_empty() {
            return Next::Nothing;
        }
        let since = self.slow_at.map_or(SLOW_EVERY, |then| now.saturating_duration_since(then));
        if since < SLOW_EVERY {
            return Next::Wait(SLOW_EVERY - since);
        }
        self.slow_at = Some(now);
        let chosen = random as usize % self.slow.len();
        Next::Work(self.slow.swap_remove(chosen))
    }
}

/// Work that takes turns.
#[derive(Debug)]
struct Fair<T> {
    count: usize,
    networks: HashMap<Option<IpAddr>, Network<T>>,
    order: VecDeque<Option<IpAddr>>,
}

impl<T> Default for Fair<T> {
    fn default() -> Self {
        Self { count: 0, networks: HashMap::new(), order: VecDeque::new() }
    }
}

#[derive(Debug)]
struct Network<T> {
    count: usize,
    names: HashMap<String, VecDeque<T>>,
    order: VecDeque<String>,
}

impl<T> Default for Network<T> {
    fn default() -> Self {
        Self { count: 0, names: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Network<T> {
    fn push(&mut self, name: String, work: T) {
        self.count += 1;
        let waiting = self.names.entry(name.clone()).or_default();
        if waiting.is_empty() {
            self.order.push_back(name);
        }
        waiting.push_back(work);
    }

    fn pop(&mut self) -> Option<T> {
        let name = self.order.pop_front()?;
        let waiting = self.names.get_mut(&name)?;
        let work = waiting.pop_front();
        if waiting.is_empty() {
            self.names.remove(&name);
        } else {
            self.order.push_back(name);
        }
        self.count -= 1;
        work
    }

    /// The last of the name that has most.
    fn drop_one(&mut self) -> Option<T> {
        let (name, waiting) = self.names.iter_mut().max_by_key(|(_, waiting)| waiting.len())?;
        let work = waiting.pop_back();
        if waiting.is_empty() {
            let name = name.clone();
            self.names.remove(&name);
            self.order.retain(|other| *other != name);
        }
        self.count -= 1;
        work
    }
}

impl<T> Fair<T> {
    fn push(&mut self, place: Place, work: T) {
        self.count += 1;
        let network = self.networks.entry(place.network).or_default();
        if network.count == 0 {
            self.order.push_back(place.network);
        }
        network.push(place.name, work);
    }

    fn pop(&mut self) -> Option<T> {
        let address = self.order.pop_front()?;
        let network = self.networks.get_mut(&address)?;
        let work = network.pop();
        if network.count == 0 {
            self.networks.remove(&address);
        } else {
            self.order.push_back(address);
        }
        self.count -= 1;
        work
    }

    fn drop_one(&mut self) -> Option<T> {
        let (address, network) = self.networks.iter_mut().max_by_key(|(_, network)| network.count)?;
        let work = network.drop_one();
        if network.count == 0 {
            let address = *address;
            self.networks.remove(&address);
            self.order.retain(|other| *other != address);
        }
        self.count -= 1;
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(network: u8, name: &str) -> Lane {
        Lane::Fair(Place { network: Some(IpAddr::from([192, 0, 2, network])), name: name.to_owned() })
    }

    fn work(queue: &mut Queue<&'static str>, now: Instant) -> Option<&'static str> {
        match queue.pop(now, 0) {
            Next::Work(work) => Some(work),
            _ => None,
        }
    }

    #[test]
    fn who_fits_goes_first_and_the_others_are_not_starved() {
        let (mut queue, now) = (Queue::new(10), Instant::now());
        queue.push(at(1, "a"), "fair", 0);
        for _ in 0..8 {
            queue.push(Lane::First, "first", 0);
        }
        let order: Vec<_> = std::iter::from_fn(|| work(&mut queue, now)).collect();
        assert_eq!(order.iter().position(|work| *work == "fair"), Some(3));
        assert_eq!(order.len(), 9);
    }

    #[test]
    fn networks_take_turns_and_so_do_names_within_one() {
        let (mut queue, now) = (Queue::new(100), Instant::now());
        for _ in 0..50 {
            queue.push(at(1, "loud"), "loud", 0);
        }
        queue.push(at(1, "till"), "behind the same proxy", 0);
        queue.push(at(2, "till"), "elsewhere", 0);
        let order: Vec<_> = std::iter::from_fn(|| work(&mut queue, now)).take(4).collect();
        assert!(order.contains(&"elsewhere") && order.contains(&"behind the same proxy"), "{order:?}");
    }

    #[test]
    fn when_there_is_no_more_room_the_loudest_loses_and_nobody_else() {
        let (mut queue, now) = (Queue::new(10), Instant::now());
        for _ in 0..10 {
            assert_eq!(queue.push(at(1, "loud"), "loud", 0), None);
        }
        assert_eq!(queue.push(at(2, "till"), "quiet", 0), Some("loud"));
        assert_eq!(queue.push(at(1, "till"), "quiet too", 0), Some("loud"));
        assert_eq!(queue.push(at(1, "loud"), "loud", 0), Some("loud"));
        let all: Vec<_> = std::iter::from_fn(|| work(&mut queue, now)).collect();
        assert_eq!((all.len(), all.iter().filter(|work| **work == "loud").count()), (10, 8));
        assert!(queue.fair.networks.is_empty() && queue.fair.order.is_empty() && queue.fair.count == 0);
        assert_eq!(queue.push(Lane::First, "right", 0), None, "the first lane has room of its own");
    }

    #[test]
    fn who_failed_too_often_waits_for_all_others_and_is_bounded() {
        let (mut queue, now) = (Queue::new(10), Instant::now());
        for _ in 0..SLOW_PLACES {
            assert_eq!(queue.push(Lane::Slow, "slow", 0), None);
        }
        assert_eq!(queue.push(Lane::Slow, "slow", 7), Some("slow"));
        queue.push(Lane::First, "first", 0);
        assert_eq!(queue.pop(now, 0), Next::Work("first"));
        assert_eq!(queue.pop(now, 0), Next::Work("slow"));
        assert_eq!(queue.pop(now, 0), Next::Wait(SLOW_EVERY));
        assert_eq!(queue.pop(now + SLOW_EVERY, 0), Next::Work("slow"));
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(Queue::<()>::new(1).pop(Instant::now(), 0), Next::Nothing);
    }
}
