//! Counters of `/proc`, read from their text. What is missing or can't be read is `None`, never zero.

use std::collections::BTreeMap;

/// The processor's time since the boot, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessorTimes {
    busy: u64,
    total: u64,
}

impl ProcessorTimes {
    /// From `/proc/stat`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
        // user nice system idle iowait irq softirq steal; what guests take is in the first two already.
        let ticks: Vec<u64> =
            line.split_ascii_whitespace().take(8).map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let idle = ticks.get(3)? + ticks.get(4).unwrap_or(&0);
        let total: u64 = ticks.iter().sum();
        Some(Self { busy: total - idle, total })
    }

    /// Busy since `earlier`, in percent; `None` when no time has passed.
    pub(super) fn percent_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)?;
        // Time spent waiting for disks may step back, so this may too.
        Some(self.busy.saturating_sub(earlier.busy) as f64 / total as f64 * 100.0)
    }
}

/// Established TCP connections of both families, those included whose other side has closed: `CurrEstab` of
/// `/proc/net/snmp`. The kernel counts it as it goes, so it costs microseconds where the table of sockets costs milliseconds.
pub(super) fn established(text: &str) -> Option<u32> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_ascii_whitespace().position(|name| name == "CurrEstab")?;
    values.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// Bytes sent and received by each interface but loopback, from `/proc/net/dev`.
pub(super) fn traffic(text: &str) -> Option<BTreeMap<String, (u64, u64)>> {
    let mut found = BTreeMap::new();
    for line in text.lines().skip(2) {
        let (name, counters) = line.split_once(':')?;
        let counters: Vec<_> = counters.split_ascii_whitespace().collect();
        let (received, sent) = (counters.first()?.parse().ok()?, counters.get(8)?.parse().ok()?);
        if name.trim() != "lo" {
            found.insert(name.trim().to_owned(), (sent, received));
        }
    }
    Some(found)
}

/// The load of the last 1, 5 and 15 minutes, from `/proc/loadavg`.
pub(super) fn load(text: &str) -> Option<[f64; 3]> {
    let mut words = text.split_ascii_whitespace().map(|word| word.parse().ok());
    Some([words.next()??, words.next()??, words.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processors_use_is_what_was_not_idle_between_two_readings() {
        let earlier = ProcessorTimes::parse("cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2 3 4\n").unwrap();
        let later = ProcessorTimes::parse("cpu  130 0 120 740 110 0 0 0 60 0\n").unwrap();
        assert_eq!(later.percent_since(earlier), Some(50.0));
        assert_eq!(later.percent_since(later), None);
        assert_eq!(earlier.percent_since(later), None, "another machine's counters, after a move");
        for bad in ["", "cpu0 1 2 3 4", "cpu  1 2", "cpu  1 2 x 4 5"] {
            assert_eq!(ProcessorTimes::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn established_connections_are_found_by_name_whatever_stands_around_them() {
        let text = "Ip: A B\nIp: 1 2\nTcp: RtoMin MaxConn CurrEstab InSegs\nTcp: 200 -1 37 9\nUdp: X\nUdp: 1\n";
        assert_eq!(established(text), Some(37));
        assert_eq!(established("Tcp: RtoMin\nTcp: 200\n"), None);
        assert_eq!(established(""), None);
    }

    #[test]
    fn traffic_is_by_interface_and_loopback_is_none() {
        let head = "Inter-| Receive | Transmit\n face |bytes packets|bytes packets\n";
        let text = format!("{head}    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n  eth0:70 1 0 0 0 0 0 0 30 1 0 0 0 0 0 0\n");
        assert_eq!(traffic(&text), Some(BTreeMap::from([("eth0".to_owned(), (30, 70))])));
        assert_eq!(traffic(head), Some(BTreeMap::new()));
        assert_eq!(traffic(&format!("{head}nonsense\n")), None);
        assert_eq!(load("0.50 1.25 2.00 1/99 1234\n"), Some([0.5, 1.25, 2.0]));
        assert_eq!(load("0.50 x"), None);
    }
}
