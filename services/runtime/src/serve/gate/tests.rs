use super::*;

fn gate(change: impl FnOnce(&mut GateConfig)) -> Gate {
    let mut config = GateConfig::default();
    change(&mut config);
    Gate::new(config)
}

async fn enter(gate: &Gate, from: impl IntoIterator<Item = u8>) -> Vec<ClientConnection> {
    let mut connections = Vec::new();
    for last in from {
        connections.push(gate.enter(peer(last)).await.unwrap());
    }
    connections
}

fn peer(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 1))
}

#[tokio::test]
async fn devices_leave_room_for_operators_and_learn_when_to_come_again() {
    let gate = gate(|config| (config.connections, config.devices) = (4, 2));
    let connections = enter(&gate, 0..4).await;
    connections[0].let_device_in().unwrap();
    connections[1].let_device_in().unwrap();
    connections[1].let_device_in().unwrap();
    let full = connections[2].let_device_in().unwrap_err();
    assert_eq!((full.kind(), full.retry_delay()), (Kind::Unavailable, Some(FULL_RETRY)));
    assert!(connections[2].is_stranger());
    connections[2].let_in();
    drop(connections);
    assert_eq!((gate.0.open.load(Relaxed), gate.0.devices.load(Relaxed)), (0, 0));
}

#[tokio::test]
async fn a_full_port_takes_the_place_of_a_stranger_and_of_nobody_who_was_let_in() {
    let gate = gate(|config| config.connections = 2);
    let (known, stranger) = (gate.enter(peer(1)).await.unwrap(), gate.enter(peer(2)).await.unwrap());
    known.let_in();
    let next = gate.enter(peer(3)).await.unwrap();
    assert!(stranger.0.lost.is_cancelled() && !known.0.lost.is_cancelled());
    next.let_in();
    assert!(gate.enter(peer(4)).await.is_none(), "nobody can make room");
    drop((next, stranger));
    assert!(gate.enter(peer(4)).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn who_comes_in_a_flood_waits_until_those_that_made_room_have_closed() {
    let gate = gate(|config| config.connections = 1);
    let mut closing = enter(&gate, [1; 1 + CLOSING]).await;
    let next = tokio::spawn({
        let gate = gate.clone();
        async move { gate.enter(peer(2)).await.is_some() }
    });
    tokio::task::yield_now().await;
    assert!(!next.is_finished());
    closing.remove(0);
    assert!(next.await.unwrap());
    // Those that do not close keep it out, but not for ever.
    closing.extend(gate.enter(peer(1)).await);
    assert!(gate.enter(peer(3)).await.is_none());
}

#[tokio::test]
async fn a_stranger_has_few_calls_at_once_and_the_others_go_on_once_somebody_is_let_in() {
    let gate = gate(|_| {});
    let connection = gate.enter(peer(1)).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..STRANGER_CALLS {
        calls.push(connection.begin_call().await.unwrap());
    }
    let wait = || {
        let connection = connection.clone();
        tokio::spawn(async move { connection.begin_call().await })
    };
    let (next, last) = (wait(), wait());
    tokio::task::yield_now().await;
    assert!(!next.is_finished() && !last.is_finished() && !connection.is_idle());
    calls.pop();
    let next = next.await.unwrap().unwrap();
    assert!(!last.is_finished());
    connection.let_in();
    let last = last.await.unwrap().unwrap();
    assert_eq!(gate.0.waiting.load(Relaxed), 0);
    drop((calls, next, last));
    assert!(connection.is_idle() && !connection.0.lost.is_cancelled());
}

#[tokio::test]
async fn calls_that_wait_are_bounded_over_all_connections() {
    let gate = gate(|_| {});
    let connection = gate.enter(peer(1)).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..STRANGER_CALLS {
        calls.push(connection.begin_call().await);
    }
    gate.0.waiting.store(WAITING_CALLS, Relaxed);
    assert!(connection.begin_call().await.is_none());
    assert_eq!(gate.0.waiting.load(Relaxed), WAITING_CALLS);
}

#[tokio::test]
async fn a_stranger_that_only_ever_asks_is_let_go() {
    let connection = gate(|_| {}).enter(peer(1)).await.unwrap();
    for _ in 0..100 {
        drop(connection.begin_call().await);
    }
    assert!(!connection.0.lost.is_cancelled());
    drop(connection.begin_call().await);
    assert!(connection.0.lost.is_cancelled());
}

#[tokio::test]
async fn a_trusted_proxy_is_no_stranger() {
    let gate = gate(|config| {
        config.trusted = "192.0.2.0/24".parse().unwrap();
        config.strangers = Limits { total: 1, per_address: 1 };
    });
    let connections = enter(&gate, [1; 10]).await;
    assert!(connections.iter().all(|connection| !connection.is_stranger() && !connection.0.lost.is_cancelled()));
    assert_eq!(connections[0].bytes_left(), None);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_waits_for_its_turn_has_longer_and_not_for_ever() {
    let connection = gate(|_| {}).enter(peer(1)).await.unwrap();
    let started = Instant::now();
    connection.overstayed().await;
    assert_eq!(started.elapsed().as_secs(), 10);
    let check = connection.checking();
    connection.overstayed().await;
    assert_eq!(started.elapsed().as_secs(), 30);
    drop(check);
}
