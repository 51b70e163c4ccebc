//! What every transport has to pass.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use homepot_hints::{Hints, MAX_MESSAGE_BYTES, Patience, Topic, Transport};
use homepot_runtime::Drain;
use homepot_tests::{PATIENCE, eventually};
use tokio::time::timeout;

use crate::{
    proxy::{Proxy, Upstream},
    tap::{State, Tap},
};

/// A server that a test may mistreat.
pub(crate) trait Rig: Sized {
    async fn start() -> Self;
    /// One that may be killed: nobody else uses it.
    async fn start_mortal() -> Self;
    /// A way through the server, or through a proxy to it.
    async fn transport(&self, proxy: Option<&Proxy>, patience: Patience) -> Arc<dyn Transport>;
    fn upstream(&self) -> Upstream;
    /// Text, or bytes where the transport carries such, from a stranger.
    async fn publish(&self, message: &[u8]);
    /// Kills a mortal server with -9.
    async fn kill(&mut self);
    async fn start_again(&mut self);
}

/// A replica's hints, and what passes by their transport.
pub(crate) struct Replica {
    pub(crate) hints: Hints,
    pub(crate) tap: Arc<State>,
    drain: Drain,
}

impl Replica {
    pub(crate) fn on(transport: Arc<dyn Transport>) -> Self {
        let (transport, tap) = Tap::on(transport);
        let drain = Drain::new();
        Self { hints: Hints::start(transport, drain.clone()), tap, drain }
    }

    async fn start(rig: &impl Rig, proxy: Option<&Proxy>) -> Self {
        Self::on(rig.transport(proxy, Patience::default()).await)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.drain.start();
    }
}

/// Tests wait for this long at most for what has to come.
pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// Waits until `to` hears what `from` tells, of presence.
pub(crate) async fn connected(from: &Replica, to: &Replica) {
    let mut listener = to.hints.listen(Topic::Presence);
    eventually("a hint to get through", async || {
        from.hints.tell(Topic::Presence);
        timeout(Duration::from_millis(50), listener.changed()).await.ok()
    })
    .await;
}

/// Waits until a message of `from` about a device reaches `to`, however often it takes.
pub(crate) async fn flows(from: &Replica, to: &Replica, device: i64) {
    eventually("a message to get through", async || {
        from.hints.wake(device);
        timeout(Duration::from_millis(50), to.tap.received(|all| all.iter().any(|message| has(message, device))))
            .await
            .ok()
    })
    .await;
}

async fn pair(rig: &impl Rig, proxy: Option<&Proxy>) -> (Replica, Replica) {
    let (here, there) = (Replica::start(rig, None).await, Replica::start(rig, proxy).await);
    for (from, to) in [(&here, &there), (&there, &here)] {
        flows(from, to, -1).await;
        // The last of these: now nothing is on its way any more.
        from.hints.wake(-2);
        soon("the last", to.tap.received(|all| all.iter().any(|message| has(message, -2)))).await;
    }
    (here, there)
}

fn devices(message: &str) -> impl Iterator<Item = i64> + '_ {
    let lists = message.split(' ').filter_map(|field| field.strip_prefix("d="));
    lists.flat_map(|list| list.split(',')).filter_map(|device| device.parse().ok())
}

/// What `replica` published, but for what only tries its connection.
fn published(replica: &Replica) -> Vec<Vec<String>> {
    let only_tries = |message: &String| !message.contains(" t=") && devices(message).all(|device| device < 0);
    let all = replica.tap.published.lock().unwrap();
    all.iter().filter(|messages| !messages.iter().all(only_tries)).cloned().collect()
}

fn has(message: &str, device: i64) -> bool {
    devices(message).any(|found| found == device)
}

pub(crate) async fn hints_reach_who_waits_at_another_replica<R: Rig>() {
    let rig = R::start().await;
    let (here, there) = pair(&rig, None).await;
    let (held_here, held_there) = (here.hints.device(1), there.hints.device(2));
    let (mut ledger_here, mut ledger_there) = (here.hints.listen(Topic::Ledger), there.hints.listen(Topic::Ledger));

    here.hints.wake(1);
    here.hints.wake(2);
    here.hints.tell(Topic::Ledger);
    soon("the hint here", held_here.hint()).await;
    soon("the hint there", held_there.hint()).await;
    soon("the change here", ledger_here.changed()).await;
    soon("the change there", ledger_there.changed()).await;
    let published = published(&here).concat();
    assert!(published.iter().any(|message| has(message, 2)), "{published:?}");
    assert!(!published.iter().any(|message| has(message, 1)), "who is here needs no message: {published:?}");
}

pub(crate) async fn what_gathers_during_a_publish_is_one_publish<R: Rig>() {
    let rig = R::start().await;
    let (here, there) = pair(&rig, None).await;
    let held: Vec<_> = (1..=100).map(|device| there.hints.device(device)).collect();
    let before = published(&here).len();

    let closed = soon("the gate", here.tap.gate.acquire()).await.unwrap();
    let mut begun = here.tap.begun.subscribe();
    let begun_before = *begun.borrow_and_update();
    here.hints.wake(1);
    soon("the first publish", begun.wait_for(|begun| *begun > begun_before)).await.unwrap();
    for _ in 0..3 {
        for device in 2..=100 {
            here.hints.wake(device);
            here.hints.tell(Topic::Runs);
        }
    }
    drop(closed);
    for wakeup in &held {
        soon("a hint", wakeup.hint()).await;
    }
    let published = published(&here).split_off(before);
    assert_eq!(published.len(), 2, "{published:?}");
    assert!(published[1].len() == 1 && published[1][0].contains("t=runs"), "{published:?}");
}

pub(crate) async fn a_burst_is_split_and_arrives_whole<R: Rig>() {
    let rig = R::start().await;
    let (here, there) = pair(&rig, None).await;
    let sent: HashSet<_> = (0..30_000).map(|number| i64::MAX - number).collect();
    let held = there.hints.device(i64::MAX - 12_345);

    let closed = soon("the gate", here.tap.gate.acquire()).await.unwrap();
    sent.iter().for_each(|device| here.hints.wake(*device));
    drop(closed);
    soon("the hint", held.hint()).await;
    let all_came = |received: &[String]| {
        let came: HashSet<_> =
            received.iter().flat_map(|message| devices(message)).filter(|device| *device > 0).collect();
        came == sent
    };
    soon("all of them", there.tap.received(all_came)).await;
    let published = published(&here).concat();
    assert!(published.len() > 50 && published.iter().all(|message| message.len() <= MAX_MESSAGE_BYTES));
}

pub(crate) async fn a_server_that_is_killed_and_comes_back_is_used_again<R: Rig>() {
    let mut rig = R::start_mortal().await;
    let (here, there) = pair(&rig, None).await;
    let held = there.hints.device(1);
    rig.kill().await;
    // Neither blocks nor grows.
    for device in 2..200_000 {
        here.hints.wake(device);
        here.hints.tell(Topic::Ledger);
    }
    assert!(here.hints.waiting() < 70_000, "{}", here.hints.waiting());
    rig.start_again().await;
    // Whatever was lost meanwhile.
    soon("the wake-up after the outage", held.hint()).await;
    flows(&here, &there, 300_001).await;
    flows(&there, &here, 300_002).await;
}

pub(crate) async fn a_connection_that_is_cut_is_made_again_and_wakes_everybody<R: Rig>() {
    let rig = R::start().await;
    let proxy = Proxy::to(rig.upstream()).await;
    let (here, there) = pair(&rig, Some(&proxy)).await;
    let (held, mut ledger) = (there.hints.device(1), there.hints.listen(Topic::Ledger));
    proxy.cut();
    soon("the wake-up", held.hint()).await;
    soon("the change", ledger.changed()).await;
    flows(&here, &there, 2).await;
    flows(&there, &here, 3).await;
}

pub(crate) async fn half_a_message_is_none_and_breaks_nothing<R: Rig>() {
    let rig = R::start().await;
    let proxy = Proxy::to(rig.upstream()).await;
    let (here, there) = pair(&rig, Some(&proxy)).await;
    let held = there.hints.device(4_242);
    proxy.cut_inside("d=4242");
    here.hints.wake(4_242);
    soon("the cut", proxy.was_cut()).await;
    // Not by the message: the new connection wakes everybody.
    soon("the wake-up", held.hint()).await;
    assert!(there.tap.connections.load(Ordering::SeqCst) > 1);
    soon("nothing of it", there.tap.received(|all| !all.iter().any(|message| has(message, 4_242)))).await;
    flows(&here, &there, 5).await;
}

pub(crate) async fn a_peer_that_falls_silent_is_noticed<R: Rig>() {
    let rig = R::start().await;
    let proxy = Proxy::to(rig.upstream()).await;
    let patience = Patience { quiet: Duration::from_millis(50), answer: Duration::from_millis(500) };
    let there = Replica::on(rig.transport(Some(&proxy), patience).await);
    let here = Replica::start(&rig, None).await;
    connected(&here, &there).await;
    proxy.mute();
    flows(&here, &there, 7).await;
}

pub(crate) async fn nonsense_on_the_channel_is_skipped<R: Rig>() {
    let rig = R::start().await;
    let (here, there) = pair(&rig, None).await;
    let held = there.hints.device(8);
    for message in ["", "hello", "i=", "i=x d=, t=,", "i=x d=a,-,99999999999999999999", "i=x q=1 w=2", "d=8"] {
        rig.publish(message.as_bytes()).await;
    }
    rig.publish(b"i=later z=1 d=8").await;
    soon("what could be read of it", held.hint()).await;
    here.hints.wake(8);
    soon("the hint", held.hint()).await;
    assert_eq!(there.tap.connections.load(Ordering::SeqCst), 1);
}

pub(crate) async fn doubled_and_reordered_messages_do_no_harm<R: Rig>() {
    let rig = R::start().await;
    let (here, there) = pair(&rig, None).await;
    let held = [there.hints.device(1), there.hints.device(2)];
    for (device, wakeup) in (1..).zip(&held) {
        here.hints.wake(device);
        soon("a hint", wakeup.hint()).await;
    }
    let mut messages = published(&here).concat();
    messages.reverse();
    for message in messages.iter().chain(&messages) {
        rig.publish(message.as_bytes()).await;
    }
    for wakeup in &held {
        soon("a hint again", wakeup.hint()).await;
    }
    // The sender knows its own and takes no notice.
    flows(&there, &here, 3).await;
    assert_eq!(here.tap.connections.load(Ordering::SeqCst), 1);
    assert_eq!(there.tap.connections.load(Ordering::SeqCst), 1);
}

pub(crate) async fn everything_ends_with_the_drain<R: Rig>() {
    let rig = R::start().await;
    let transport = rig.transport(None, Patience::default()).await;
    let weak = Arc::downgrade(&transport);
    let here = Replica::on(transport);
    connected(&here, &here).await;
    here.drain.start();
    eventually("the transport to be dropped", async || weak.upgrade().is_none().then_some(())).await;
    // Still harmless.
    here.hints.wake(1);
    here.hints.tell(Topic::Runs);
}

/// Every one of them, as tests of the module it stands in.
macro_rules! suite {
    ($rig:ty; $($test:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                crate::suite::$test::<$rig>().await;
            }
        )*
    };
    ($rig:ty) => {
        crate::suite::suite! { $rig;
            hints_reach_who_waits_at_another_replica,
            what_gathers_during_a_publish_is_one_publish,
            a_burst_is_split_and_arrives_whole,
            a_server_that_is_killed_and_comes_back_is_used_again,
            a_connection_that_is_cut_is_made_again_and_wakes_everybody,
            half_a_message_is_none_and_breaks_nothing,
            a_peer_that_falls_silent_is_noticed,
            nonsense_on_the_channel_is_skipped,
            doubled_and_reordered_messages_do_no_harm,
            everything_ends_with_the_drain,
        }
    };
}
pub(crate) use suite;
