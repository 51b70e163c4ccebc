//! Background tasks that run beside the requests until the server stops.

use std::time::Duration;

use homepot_runtime::{Drain, backoff::every, ops::Readiness};
use homepot_store::{Store, Trouble};
use tokio::time::Instant;

/// How often the database is asked while it is in trouble: devices wait for its return.
const TICK: Duration = Duration::from_secs(1);
/// While all is well it is asked each so many ticks.
const CALM: u32 = 5;

/// Keeps `readiness` in step with whether the database takes writes, until `drain`. A process that was ready stays so for `patience`
/// after trouble has begun.
pub(crate) async fn watch_database(store: Store, readiness: Readiness, patience: Duration, drain: Drain) {
    let (mut outage, mut calm) = (None::<Outage>, 0);
    let mut ticks = every(TICK);
    loop {
        tokio::select! {
            () = drain.wait() => return,
            _ = ticks.tick() => {}
        }
        // Operations notice most of it first, and then nobody should have to wait for the next question.
        calm = if outage.is_none() && !store.is_in_trouble() { calm + 1 } else { 0 };
        if calm % CALM != 0 {
            continue;
        }
        match (store.check().await.err(), &mut outage) {
            (None, None) => {}
            (None, Some(_)) => {
                tracing::info!("database is back");
                readiness.note("database", true);
                outage = None;
            }
            (Some(trouble), Some(outage)) => outage.go_on(trouble, &readiness),
            (Some(trouble), None) => {
                // One that was not ready has no streams to lose.
                let patience = if readiness.is_ready() { patience } else { Duration::ZERO };
                let began = Outage { trouble, ends: Some(Instant::now() + patience) };
                outage.insert(began).tell(&readiness);
            }
        }
        // What the services take for now is carried on from here. Where it fails, the next look is soon.
        if let (None, Err(error)) = (&outage, store.look_at_clock().await) {
            tracing::debug!(%error, "look at the database's clock");
        }
    }
}

/// A time in which the database takes no writes.
struct Outage {
    trouble: Trouble,
    /// When this process is ready no more; `None`: it is not any more.
    ends: Option<Instant>,
}

impl Outage {
    fn go_on(&mut self, trouble: Trouble, readiness: &Readiness) {
        let over = self.ends.is_some_and(|ends| Instant::now() >= ends);
        if self.trouble != trouble || over {
            self.trouble = trouble;
            self.tell(readiness);
        }
    }

    fn tell(&mut self, readiness: &Readiness) {
        let left = self.ends.map(|ends| ends.saturating_duration_since(Instant::now())).unwrap_or_default();
        let (reason, ready_for_seconds) = (self.trouble.as_str(), left.as_secs());
        match self.trouble {
            Trouble::OutOfReach => tracing::error!(ready_for_seconds, "database is out of reach"),
            _ => tracing::error!(reason, ready_for_seconds, "database takes no writes"),
        }
        if left.is_zero() {
            self.ends = None;
            readiness.note_reason("database", Some(reason));
        } else {
            readiness.bear("database", reason);
        }
    }
}
