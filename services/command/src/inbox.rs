//! The short way to a session of this process: a command that is queued here is claimed for the session in the same transaction,
//! and laid into its inbox.
//!
//! The row is what counts here too. A session that ends with something in its inbox leaves it where a claim leaves it whose
//! answer got lost: the device's next session is handed it by the rules of claims.

use std::{collections::HashMap, fmt, sync::Arc};

use homepot::model::Delivery;
use homepot_store::commands::CLAIM_LIMIT;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::Instant};

/// Commands on the short way to one session; the ones after that wait in the ledger, as for a claim.
const ROOM: usize = CLAIM_LIMIT;

/// The inboxes of this process, by device.
#[derive(Default)]
pub(crate) struct Inboxes(Mutex<HashMap<i64, Arc<Slot>>>);

struct Slot {
    epoch: i64,
    content: Mutex<Content>,
    arrived: Notify,
}

#[derive(Default)]
struct Content {
    /// Places that are promised to commands whose transactions are under way.
    promised: usize,
    claimed: Vec<Claimed>,
    /// Nobody knows what became of a transaction: it may have claimed what never came here.
    is_unsure: bool,
}

/// A command that was claimed for the session and is to be sent.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// What to send.
    pub delivery: Delivery,
    /// The place in a trace of the call that queued it.
    pub trace: Option<String>,
    /// From before the ledger was asked.
    pub asked: Instant,
}

/// A session's end of its inbox; gone when dropped.
pub struct Inbox {
    inboxes: Arc<Inboxes>,
    device: i64,
    slot: Arc<Slot>,
}

/// A place in an inbox, for one command.
pub(crate) struct Place(Arc<Slot>);

impl Inboxes {
    /// Opens the inbox of a device's session. The newest session of the device has it.
    pub(crate) fn open(self: &Arc<Self>, device: i64, epoch: i64) -> Inbox {
        let slot = Arc::new(Slot { epoch, content: Mutex::default(), arrived: Notify::new() });
        let mut slots = self.0.lock();
        if slots.get(&device).is_none_or(|other| other.epoch < epoch) {
            slots.insert(device, slot.clone());
        }
        drop(slots);
        Inbox { inboxes: self.clone(), device, slot }
    }

    /// A place for one more command, if the device has a session here that has room.
    pub(crate) fn place(&self, device: i64) -> Option<Place> {
        let slot = self.0.lock().get(&device)?.clone();
        let mut content = slot.content();
        if content.is_unsure || content.promised + content.claimed.len() >= ROOM {
            return None;
        }
        content.promised += 1;
        drop(content);
        Some(Place(slot))
    }
}

impl Slot {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock()
    }
}

impl Place {
    /// The session that it is a place of.
    pub(crate) fn epoch(&self) -> i64 {
        self.0.epoch
    }

    /// Lays a command in.
    pub(crate) fn fill(self, claimed: Claimed) {
        self.0.content().claimed.push(claimed);
        self.0.arrived.notify_one();
    }

    /// Says that the command may have been claimed, and that it is not known.
    pub(crate) fn leave_unsure(self) {
        self.0.content().is_unsure = true;
        self.0.arrived.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.content().promised -= 1;
    }
}

impl Inbox {
    /// Waits until something comes; what came since the last wait counts.
    pub async fn arrived(&self) {
        self.slot.arrived.notified().await;
    }

    /// Takes out what is there.
    pub fn take(&self) -> Vec<Claimed> {
        std::mem::take(&mut self.slot.content().claimed)
    }

    /// Whether something may have been claimed for the session that never came here.
    pub fn is_unsure(&self) -> bool {
        self.slot.content().is_unsure
    }

    /// The same, asked once: it is no longer so after that.
    pub fn take_unsure(&self) -> bool {
        std::mem::take(&mut self.slot.content().is_unsure)
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let mut slots = self.inboxes.0.lock();
        // A newer session of the same device may have taken the place.
        if slots.get(&self.device).is_some_and(|slot| Arc::ptr_eq(slot, &self.slot)) {
            slots.remove(&self.device);
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("device", &self.device).field("epoch", &self.slot.epoch).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use futures_util::FutureExt as _;
    use homepot::model::{CommandId, CommandType};
    use uuid::Uuid;

    use super::*;

    fn claimed(number: u128) -> Claimed {
        let delivery = Delivery {
            command_id: CommandId(Uuid::from_u128(number)),
            command_type: CommandType::parse("PING").unwrap(),
            payload: None,
            time_to_live: Duration::from_secs(1),
            run_timeout: Duration::from_secs(1),
            created_at: DateTime::UNIX_EPOCH,
            server_time: None,
        };
        Claimed { delivery, trace: None, asked: Instant::now() }
    }

    #[tokio::test]
    async fn a_session_is_woken_for_what_is_laid_in_and_takes_it_once() {
        let inboxes = Arc::<Inboxes>::default();
        assert!(inboxes.place(1).is_none(), "there is no session");
        let inbox = inboxes.open(1, 7);
        let place = inboxes.place(1).unwrap();
        assert_eq!(place.epoch(), 7);
        place.fill(claimed(1));
        inbox.arrived().await;
        let ids: Vec<_> = inbox.take().into_iter().map(|claimed| claimed.delivery.command_id.0.as_u128()).collect();
        assert_eq!(ids, [1]);
        assert!(inbox.take().is_empty() && inbox.arrived().now_or_never().is_none());
    }

    #[test]
    fn no_more_is_promised_than_there_is_room_for() {
        let inboxes = Arc::<Inboxes>::default();
        let inbox = inboxes.open(1, 1);
        let mut places: Vec<_> = (0..ROOM).map(|_| inboxes.place(1).unwrap()).collect();
        assert!(inboxes.place(1).is_none());
        places.pop().unwrap().fill(claimed(1));
        assert!(inboxes.place(1).is_none(), "what is laid in takes its place still");
        drop(places.pop());
        assert!(inboxes.place(1).is_some());
        drop(places);
        inbox.take();
        assert_eq!((0..ROOM).filter_map(|_| inboxes.place(1)).count(), ROOM);
    }

    #[test]
    fn where_a_claim_may_have_been_lost_nothing_more_goes_the_short_way_until_the_session_has_asked() {
        let inboxes = Arc::<Inboxes>::default();
        let inbox = inboxes.open(1, 1);
        inboxes.place(1).unwrap().leave_unsure();
        assert!(inbox.arrived().now_or_never().is_some());
        assert!(inboxes.place(1).is_none());
        assert!(inbox.take_unsure() && !inbox.take_unsure());
        assert!(inboxes.place(1).is_some());
    }

    #[test]
    fn the_newest_session_has_the_inbox_whichever_comes_and_goes_first() {
        let inboxes = Arc::<Inboxes>::default();
        let first = inboxes.open(1, 1);
        let third = inboxes.open(1, 3);
        let second = inboxes.open(1, 2);
        drop((first, second));
        assert_eq!(inboxes.place(1).unwrap().epoch(), 3);
        drop(third);
        assert!(inboxes.place(1).is_none());
    }
}
