//! People at work: visits that look at pages, click, search and filter, several at a time.

use fastrand::Rng;
use serde_json::{Value, json};

/// Visits that are going on at the same time.
const VISITS: usize = 12;
const STEPS: std::ops::RangeInclusive<u32> = 3..=25;
const PAGES: &[&str] = &["/", "/devices", "/devices/detail", "/sites", "/commands", "/alerts", "/reports", "/settings"];
const ELEMENTS: &[&str] = &["refresh", "export-csv", "open-device", "send-command", "next-page", "acknowledge", "help"];
const WIDGETS: &[&str] = &["chart-zoom", "time-range", "map-pan", "row-expand", "dark-mode"];
const SEARCHES: &[&str] =
    &["till", "offline", "site berlin", "pos-terminal", "reboot", "disk full", "paper", "gateway 7"];
const FILTERS: &[&str] = &["status=offline", "site=shop-1", "type=pos_terminal", "severity=critical", "last=24h"];

/// One person at one sitting.
#[derive(Debug)]
struct Visit {
    session_id: String,
    page: &'static str,
    steps_left: u32,
    has_begun: bool,
}

/// What people do, one thing after the other. The same seed, the same people.
#[derive(Debug)]
pub(super) struct People {
    rng: Rng,
    seed: u64,
    visits: Vec<Visit>,
    begun: u64,
}

impl People {
    pub(super) fn new(seed: u64) -> Self {
        let mut people = Self { rng: Rng::with_seed(seed), seed, visits: Vec::new(), begun: 0 };
        people.visits = (0..VISITS).map(|_| people.visit()).collect();
        people
    }

    fn visit(&mut self) -> Visit {
        self.begun += 1;
        Visit {
            session_id: format!("sim-{:x}-{}", self.seed, self.begun),
            page: PAGES[self.rng.usize(..PAGES.len())],
            steps_left: self.rng.u32(STEPS),
            has_begun: false,
        }
    }

    /// The next thing that one of them does.
    pub(super) fn next(&mut self) -> Value {
        let place = self.rng.usize(..self.visits.len());
        if self.visits[place].steps_left == 0 {
            self.visits[place] = self.visit();
        }
        let rng = &mut self.rng;
        let visit = &mut self.visits[place];
        visit.steps_left -= 1;
        let chance = if std::mem::replace(&mut visit.has_begun, true) { rng.u32(..100) } else { 0 };
        let mut body = json!({"session_id": visit.session_id, "metadata": {"generator": "homepot-sim"}});
        let (activity_type, field, what, median_ms) = match chance {
            0..40 => {
                visit.page = pick(rng, PAGES);
                ("page_view", None, "", 9_000.0)
            }
            40..65 => ("click", Some("element_id"), pick(rng, ELEMENTS), 180.0),
            65..78 => ("search", Some("search_query"), pick(rng, SEARCHES), 2_500.0),
            78..90 => ("filter", Some("element_id"), pick(rng, FILTERS), 900.0),
            _ => ("interaction", Some("element_id"), pick(rng, WIDGETS), 1_400.0),
        };
        body["activity_type"] = json!(activity_type);
        body["page_url"] = json!(visit.page);
        if let Some(field) = field {
            body[field] = json!(what);
        }
        body["duration_ms"] = json!(millis(rng, median_ms));
        body
    }
}

pub(super) fn pick(rng: &mut Rng, from: &[&'static str]) -> &'static str {
    from[rng.usize(..from.len())]
}

/// Around `median`, now and then much more.
fn millis(rng: &mut Rng, median: f64) -> u64 {
    let spread: f64 = (0..4).map(|_| rng.f64() - 0.5).sum();
    (median * (1.6 * spread).exp()).round() as u64
}
