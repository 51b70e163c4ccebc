//! What the kernel says of this process, under the names that every client library of Prometheus has for it. It is read when
//! somebody asks for the metrics, so that nothing runs for it meanwhile, and rendered here, because the recorder counts in
//! whole numbers and processor time is none.

use std::{fmt::Write as _, fs};

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

use super::catalogue::{Kind, METRICS};

/// The names; each stands in the table of all metrics.
pub(super) const NAMES: [&str; 6] = [
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
];

/// Adds the metrics to `text`. What can't be read is left out.
pub(super) fn render(text: &mut String) {
    let stat = fs::read_to_string("/proc/self/stat").ok();
    let stat = stat.as_deref().and_then(Stat::parse);
    let values = [
        stat.as_ref().map(|stat| stat.cpu_seconds),
        getrlimit(Resource::Nofile).current.map(|limit| limit as f64),
        // The one that reads the directory is not counted.
        fs::read_dir("/proc/self/fd").ok().map(|open| open.count().saturating_sub(1) as f64),
        stat.as_ref().map(|stat| stat.resident_bytes),
        stat.as_ref().and_then(|stat| Some(booted()? + stat.started_after_boot)),
        stat.as_ref().map(|stat| stat.threads),
    ];
    for (name, value) in NAMES.into_iter().zip(values) {
        let entry = METRICS.iter().find(|metric| metric.name == name);
        let (Some(metric), Some(value)) = (entry, value) else { continue };
        let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
        // Writing to a string can't fail.
        let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n{name} {value}\n", metric.help);
    }
}

/// What `/proc/self/stat` has of it (proc_pid_stat(5)).
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    threads: f64,
    started_after_boot: f64,
    resident_bytes: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in brackets, which may hold anything. What follows it begins with the third.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let ticks = clock_ticks_per_second() as f64;
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / ticks,
            threads: field(20)?,
            started_after_boot: field(22)? / ticks,
            resident_bytes: field(24)? * page_size() as f64,
        })
    }
}

/// When the machine was booted, in seconds since 1970.
fn booted() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, name: &str) -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is missing: {text}")).parse().unwrap()
    }

    #[test]
    fn the_process_is_measured_under_the_usual_names() {
        let mut text = String::new();
        render(&mut text);
        for name in NAMES {
            assert!(text.contains(&format!("# HELP {name} ")), "{text}");
        }
        assert!(text.contains("# TYPE process_cpu_seconds_total counter"), "{text}");
        assert!(value(&text, "process_resident_memory_bytes") > 1e6);
        assert!(value(&text, "process_threads") >= 1.0);
        assert!(value(&text, "process_max_fds") >= value(&text, "process_open_fds"));
        assert!(value(&text, "process_start_time_seconds") > 1.7e9);
    }

    #[test]
    fn descriptors_that_are_open_are_counted() {
        let open = || {
            let mut text = String::new();
            render(&mut text);
            value(&text, "process_open_fds")
        };
        // Other tests open and close theirs meanwhile, but not as many.
        let before = open();
        let held: Vec<_> = (0..200).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        assert!(open() > before + 100.0);
        drop(held);
    }

    #[test]
    fn a_name_with_brackets_and_blanks_is_no_field() {
        let numbers = (4..=52).map(|number| format!(" {number}")).collect::<String>();
        let stat = Stat::parse(&format!("7 (a) b (c) S{numbers}")).unwrap();
        assert_eq!((stat.threads, stat.resident_bytes), (20.0, 24.0 * page_size() as f64));
        assert_eq!(stat.cpu_seconds, 29.0 / clock_ticks_per_second() as f64);
        assert_eq!(Stat::parse("7 (homepot) S 1 2"), None);
        assert_eq!(Stat::parse(""), None);
    }
}
