//! What comes out: a table for people, JSON with all details, and a line of progress meanwhile.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::host::{self, Workshop};

/// What a figure should be, on the machine that the bar was set for.
#[derive(Clone, Copy, Debug)]
pub enum Bar {
    /// At least this much.
    AtLeast(f64),
    /// At most this much.
    AtMost(f64),
}

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// How much it is.
    pub figure: f64,
    /// Of what.
    pub unit: &'static str,
    /// The same unit's ceiling of this run, and what it is.
    pub ceiling: Option<(f64, &'static str)>,
    /// What it should be.
    pub bar: Option<Bar>,
}

impl Row {
    /// A figure without ceiling and bar.
    pub fn new(name: impl Into<String>, figure: f64, unit: &'static str) -> Self {
        Self { name: name.into(), figure, unit, ceiling: None, bar: None }
    }

    /// With the ceiling.
    #[must_use]
    pub fn ceiling(mut self, ceiling: f64, what: &'static str) -> Self {
        self.ceiling = Some((ceiling, what));
        self
    }

    /// With the bar.
    #[must_use]
    pub fn bar(mut self, bar: Bar) -> Self {
        self.bar = Some(bar);
        self
    }

    fn ratio(&self) -> Option<f64> {
        self.ceiling.map(|(ceiling, _)| self.figure / ceiling)
    }

    fn cells(&self) -> [String; 5] {
        let bar = self.bar.map(|bar| match bar {
            Bar::AtLeast(least) => (format!("≥ {}", number(least)), self.figure >= least),
            Bar::AtMost(most) => (format!("≤ {}", number(most)), self.figure <= most),
        });
        [
            self.name.clone(),
            format!("{} {}", number(self.figure), self.unit),
            self.ceiling.map(|(ceiling, what)| format!("{} ({what})", number(ceiling))).unwrap_or_default(),
            self.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
            bar.map(|(bar, holds)| format!("{bar} {}", if holds { "holds" } else { "MISSED" })).unwrap_or_default(),
        ]
    }

    fn json(&self) -> Value {
        let (kind, bar) = match self.bar {
            Some(Bar::AtLeast(least)) => ("at least", Some(least)),
            Some(Bar::AtMost(most)) => ("at most", Some(most)),
            None => ("", None),
        };
        json!({
            "name": self.name, "figure": self.figure, "unit": self.unit,
            "ceiling": self.ceiling.map(|(ceiling, what)| json!({"figure": ceiling, "of": what})),
            "ratio": self.ratio(),
            "bar": bar.map(|bar| json!({kind: bar})),
        })
    }
}

/// What a run measured.
#[derive(Debug)]
pub struct Report {
    directory: PathBuf,
    machine: Value,
    rows: Vec<Row>,
}

impl Report {
    /// Looks at the machine first.
    pub fn begin(workshop: &Workshop) -> anyhow::Result<Self> {
        let machine = host::describe(workshop.output())?;
        let directory = workshop.output().to_owned();
        Ok(Self { directory, machine, rows: Vec::new() })
    }

    /// Takes a benchmark's rows into the table and writes its JSON, so that what is measured is not lost with what fails
    /// after it. `details` is an object.
    pub fn add(&mut self, bench: &str, rows: Vec<Row>, details: Value) -> anyhow::Result<()> {
        let mut document = Map::new();
        document.insert("bench".to_owned(), bench.into());
        document.insert("machine".to_owned(), self.machine.clone());
        document.insert("rows".to_owned(), rows.iter().map(Row::json).collect());
        document.insert("details".to_owned(), details);
        let path = self.directory.join(format!("{bench}.json"));
        let text = serde_json::to_string_pretty(&Value::Object(document))?;
        std::fs::write(&path, text + "\n").with_context(|| format!("can't write {}", path.display()))?;
        self.rows.extend(rows);
        Ok(())
    }

    /// Prints the machine and the table.
    pub fn print(&self) {
        let told =
            |name: &str| self.machine[name].as_str().map_or_else(|| self.machine[name].to_string(), str::to_owned);
        println!("{}, {} cores, {} GiB, {}", told("cpu"), told("cores"), told("memory_gib"), told("kernel"));
        println!(
            "{}, {} fsyncs a second, commit {}, load average before {}\n",
            told("postgres"),
            told("fsyncs_per_second"),
            told("commit"),
            told("load_average")
        );
        print!("{}", table(&self.rows));
        println!("\nDetails: {}/*.json", self.directory.display());
    }
}

fn table(rows: &[Row]) -> String {
    let head = ["bench", "figure", "ceiling", "ratio", "bar"].map(str::to_owned);
    let cells: Vec<_> = [head].into_iter().chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<_> = (0..5).map(width).collect();
    let line = |row: &[String; 5]| {
        let padded: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    cells.iter().map(line).collect()
}

/// Three digits that count, thousands set apart.
fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        let whole = format!("{:.0}", value.abs());
        let groups: Vec<_> = whole.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
        return format!("{}{}", if value < 0.0 { "-" } else { "" }, groups.join(","));
    }
    let digits = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else if value.abs() >= 1.0 || value == 0.0 {
        2
    } else {
        3
    };
    format!("{value:.digits$}")
}

/// What share of sorted times is at most the answer.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(index.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Tells what is being done.
pub fn step(what: &str) {
    eprintln!("… {what}");
}

/// Tells once a second how far `work` is: on a terminal in place, elsewhere every ten seconds. `each` is called every
/// second too, with the seconds that have passed.
pub async fn watch<T>(
    what: &str,
    count: &Arc<AtomicU64>,
    mut each: impl FnMut(f64),
    work: impl Future<Output = T>,
) -> T {
    let terminal = std::io::stderr().is_terminal();
    let start = Instant::now();
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (mut ticks, mut told) = (0_u32, (Duration::ZERO, 0));
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                if terminal { eprint!("\r\x1b[K"); }
                return done;
            }
            _ = tick.tick() => {
                each(start.elapsed().as_secs_f64());
                if ticks > 0 && (terminal || ticks.is_multiple_of(10)) {
                    let (now, total) = (start.elapsed(), count.load(Ordering::Relaxed));
                    let rate = (total - told.1) as f64 / (now - told.0).as_secs_f64();
                    let line = format!("{what}: {} s, {} ({} a second)", now.as_secs(), number(total as f64), number(rate));
                    if terminal { eprint!("\r\x1b[K  {line}") } else { eprintln!("  {line}") }
                    let _ = std::io::stderr().flush();
                    told = (now, total);
                }
                ticks += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_are_good_for() {
        let written = [1_234_567.8, 123.4, 12.34, 1.234, 0.001_234, 0.0, -1_500.0].map(number);
        assert_eq!(written, ["1,234,568", "123", "12.3", "1.23", "0.001", "0.00", "-1,500"]);
    }

    #[test]
    fn a_percentile_is_one_of_the_times_measured() {
        let times: Vec<_> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!([0.5, 0.99, 1.0].map(|share| percentile(&times, share).as_millis()), [50, 99, 100]);
        assert_eq!(percentile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn a_row_tells_whether_its_bar_holds() {
        let row = Row::new("ingest", 90.0, "/s").ceiling(300.0, "copy").bar(Bar::AtLeast(100.0));
        let table = table(&[row]);
        assert!(table.contains("90.0 /s") && table.contains("0.30") && table.contains("≥ 100 MISSED"), "{table}");
    }
}
