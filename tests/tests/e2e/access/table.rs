//! The tables in `docs/access.md`: the one of methods is made from the contract, the one of routes is held against the
//! OpenAPI document.

use std::collections::BTreeSet;

use homepot::{
    access::Audience,
    contract::{METHODS, Method, Repeat},
    model::Role,
};
use homepot_tests::{AnySystem, rest::Request, workspace};

/// Who may, in the words of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Anyone,
    Enrollee,
    EnrolleeOrAdmin,
    Device,
    DeviceOrViewer,
    Viewer,
    Operator,
    Admin,
    FleetAdmin,
}

const WORDS: [(&str, Who); 9] = [
    ("anyone", Who::Anyone),
    ("enrollee", Who::Enrollee),
    ("enrollee or admin", Who::EnrolleeOrAdmin),
    ("device", Who::Device),
    ("device or viewer", Who::DeviceOrViewer),
    ("viewer", Who::Viewer),
    ("operator", Who::Operator),
    ("admin", Who::Admin),
    ("fleet admin", Who::FleetAdmin),
];

impl Who {
    pub(crate) fn of(audience: Audience) -> Self {
        match audience {
            Audience::Enrollee => Self::Enrollee,
            Audience::Device => Self::Device,
            Audience::Operator(Role::Viewer) => Self::Viewer,
            Audience::Operator(Role::Operator) => Self::Operator,
            Audience::Operator(Role::Admin) => Self::Admin,
            Audience::FleetAdmin => Self::FleetAdmin,
            Audience::Anyone => Self::Anyone,
        }
    }

    fn word(self) -> &'static str {
        WORDS.iter().find(|(_, who)| *who == self).expect("every variant has a word").0
    }
}

fn access_page() -> (std::path::PathBuf, String) {
    let path = workspace().join("docs/access.md");
    let text = std::fs::read_to_string(&path).unwrap();
    (path, text)
}

/// The lines of the table below a heading of `docs/access.md`.
fn table(heading: &str) -> Vec<String> {
    let (_, text) = access_page();
    let section = text.split("\n## ").find(|section| section.starts_with(heading)).expect("the heading is there");
    section.lines().filter(|line| line.starts_with('|')).map(str::to_owned).collect()
}

/// The routes of REST: the first column without its backticks, and who may.
pub(crate) fn routes() -> Vec<(String, Who)> {
    let row = |line: &String| {
        let (name, word) = line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | ")?;
        let (_, who) = WORDS.iter().find(|(known, _)| *known == word).expect("a word of the table");
        Some((name.to_owned(), *who))
    };
    table("REST").iter().filter_map(row).collect()
}

/// The table of methods as the contract has it.
fn methods() -> Vec<String> {
    let row = |method: &Method| {
        let rest = method.http.map(|http| format!("`{} {}`", http.verb, http.path)).unwrap_or_default();
        let repeat = match method.repeat {
            Repeat::Safe => "safe",
            Repeat::Idempotent => "idempotent",
            Repeat::ByKey { .. } => "by key",
            Repeat::Never => "never",
        };
        let audited = if method.audited { "yes" } else { "" };
        format!("| `{}` | {} | {rest} | {repeat} | {audited} |", method.path, Who::of(method.audience).word())
    };
    let heading = ["| method | who may | over REST | repeat | audited |", "|---|---|---|---|---|"].map(str::to_owned);
    heading.into_iter().chain(METHODS.iter().map(row)).collect()
}

/// With `HOMEPOT_WRITE_DOCS=1` it writes the table instead of comparing it.
#[test]
fn the_table_of_methods_says_what_the_contract_says() {
    let (told, due) = (table("gRPC"), methods());
    if std::env::var_os("HOMEPOT_WRITE_DOCS").is_some() {
        let (path, text) = access_page();
        std::fs::write(path, text.replace(&told.join("\n"), &due.join("\n"))).unwrap();
        return;
    }
    assert_eq!(told, due, "run this test once with HOMEPOT_WRITE_DOCS=1 to write the table");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_of_routes_lists_every_route_that_the_openapi_document_has() {
    let server = AnySystem::start().await;
    let document = server.rest(Request::get("/api/v1/openapi.json")).await.json();
    let paths = document["paths"].as_object().expect("the document has paths");
    let served: BTreeSet<_> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {}", method.to_uppercase(), path.trim_start_matches("/api/v1")))
        })
        .collect();
    let told: BTreeSet<_> = routes().into_iter().map(|(route, _)| route).collect();
    assert_eq!(told, served);
}
