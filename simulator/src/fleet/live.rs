//! The live line: how a fleet fares while it runs.

use std::{sync::Arc, time::Duration};

use indicatif::ProgressBar;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::tally::{Counts, Tally};
use crate::screen::{PLAIN_LINE_EVERY, Screen};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The line tells of so much of the past.
const WINDOW: usize = 5;

/// Shows `bar` at `position`, and the live line behind it, until it is dropped.
pub(super) async fn show(
    screen: &Screen,
    bar: &ProgressBar,
    tally: Arc<Tally>,
    position: impl Fn(&Tally) -> u64,
) -> std::convert::Infallible {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut past: std::collections::VecDeque<Look> = [Look::at(&tally)].into();
    let mut told_at = Instant::now();
    loop {
        ticks.tick().await;
        let now = Look::at(&tally);
        let line = now.line(&tally, past.front().unwrap_or(&now));
        past.push_back(now);
        if past.len() > WINDOW {
            past.pop_front();
        }
        bar.set_position(position(&tally));
        bar.set_message(line.clone());
        if !screen.draws() && told_at.elapsed() >= PLAIN_LINE_EVERY {
            told_at = Instant::now();
            let reached =
                bar.length().filter(|length| *length > 0).map(|length| format!(" {}/{length}", bar.position()));
            screen.say(format_args!("{}{}  {line}", bar.prefix(), reached.unwrap_or_default()));
        }
    }
}

struct Look {
    at: Instant,
    acknowledged: u64,
    latency: Counts,
}

impl Look {
    fn at(tally: &Tally) -> Self {
        Self { at: Instant::now(), acknowledged: tally.acknowledged.get(), latency: tally.latency.read() }
    }

    fn line(&self, tally: &Tally, before: &Self) -> String {
        let seconds = self.at.duration_since(before.at).as_secs_f64().max(0.001);
        let rate = self.acknowledged.saturating_sub(before.acknowledged) as f64 / seconds;
        let p99 = self.latency.since(&before.latency).quantile(99.0);
        let p99 = p99.map_or_else(|| "-".to_owned(), |took| format!("{:.0} ms", took.as_secs_f64() * 1e3));
        format!(
            "attached {}  {rate:.0} samples/s  p99 {p99}  commands {}/{}  errors {}",
            tally.attached.get(),
            tally.answered.get(),
            tally.commands.get(),
            tally.errors()
        )
    }
}
