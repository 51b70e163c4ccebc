//! Applications that fail: in bursts of the same error, most of them harmless.

use fastrand::Rng;
use serde_json::{Value, json};

use super::people::pick;

/// A kind of error: category, severity, code, message with a `#` for a number, endpoint.
type Kind = (&'static str, &'static str, &'static str, &'static str, &'static str);

const KINDS: &[Kind] = &[
    ("cache", "info", "CACHE_MISS", "price list # is not cached", "/api/prices"),
    ("auth", "info", "TOKEN_EXPIRED", "session # has expired", "/api/login"),
    ("network", "info", "RETRY", "attempt # succeeded after a retry", "/api/orders"),
    ("network", "warning", "SLOW", "answer took # ms", "/api/orders"),
    ("printer", "warning", "PAPER_LOW", "# receipts of paper left", "/print"),
    ("storage", "warning", "DISK", "# MB left on the disk", "/spool"),
    ("api", "error", "E_TIMEOUT", "no answer after # ms", "/api/orders"),
    ("payment", "error", "DECLINED", "terminal declined card ending #", "/pay"),
    ("database", "error", "DEADLOCK", "transaction # was rolled back", "/api/stock"),
    ("payment", "critical", "PSP_DOWN", "payment provider is out of reach since # s", "/pay"),
    ("database", "critical", "CORRUPT", "page # has a wrong checksum", "/api/stock"),
];
/// How many of a hundred bursts are of which severity.
const SEVERITIES: &[(u32, &str)] = &[(40, "info"), (75, "warning"), (95, "error"), (100, "critical")];
const USERS: &[&str] = &["cashier-1", "cashier-2", "manager-1", "kiosk"];
/// The chance, in a hundred, that a burst goes on.
const GOES_ON: u32 = 80;

/// What goes wrong, one error after the other. The same seed, the same errors.
#[derive(Debug)]
pub(super) struct Applications {
    rng: Rng,
    burst: Option<Kind>,
}

impl Applications {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), burst: None }
    }

    /// The next error.
    pub(super) fn next(&mut self) -> Value {
        let rng = &mut self.rng;
        let goes_on = rng.u32(..100) < GOES_ON;
        let kind = self.burst.filter(|_| goes_on).unwrap_or_else(|| begin(rng));
        self.burst = Some(kind);
        let (category, severity, error_code, message, endpoint) = kind;
        let number = rng.u32(1..10_000);
        let mut body = json!({
            "category": category, "severity": severity, "error_code": error_code, "endpoint": endpoint,
            "error_message": message.replace('#', &number.to_string()),
            "user_id": pick(rng, USERS),
            "context": {"generator": "homepot-sim", "build": format!("1.{}.0", rng.u32(..4))},
        });
        if matches!(severity, "error" | "critical") {
            body["stack_trace"] = json!(format!("at {category} (app.js:{})\nat main (app.js:7)", rng.u32(10..900)));
        }
        body
    }
}

fn begin(rng: &mut Rng) -> Kind {
    let chance = rng.u32(..100);
    let severity = SEVERITIES.iter().find(|(below, _)| chance < *below).map_or("info", |(_, severity)| severity);
    let kinds: Vec<_> = KINDS.iter().filter(|kind| kind.1 == severity).collect();
    *kinds[rng.usize(..kinds.len())]
}
