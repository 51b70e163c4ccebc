//! The house stays as its plan has it: which way dependencies point, how large a file grows, what a program links.

mod rooms;

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use homepot::model::Metric;
use homepot_tests::{program, workspace};
use serde_json::Value;

use self::rooms::ROOMS;

const DATABASE: &[&str] = &["diesel", "diesel_migrations", "pq-src", "pq-sys", "r2d2", "homepot-store"];

#[test]
fn dependencies_among_our_crates_point_the_way_the_plan_says() {
    let metadata = metadata();
    let members = ours(&metadata);
    let planned: BTreeSet<_> = ROOMS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(members.keys().cloned().collect::<BTreeSet<_>>(), planned, "a crate without a place in the plan");
    for (name, allowed) in ROOMS {
        for (dependency, kind) in dependencies(members[*name]) {
            // What tests of a crate use is no part of the house.
            if dependency.starts_with("homepot") && kind != "dev" {
                assert!(allowed.contains(&dependency.as_str()), "{name} may not depend on {dependency}");
            }
        }
    }
}

#[test]
fn the_store_names_no_web_framework_and_the_gateway_no_database() {
    let metadata = metadata();
    let members = ours(&metadata);
    for (dependency, _) in dependencies(members["homepot-store"]) {
        let web = ["tonic", "axum", "hyper", "tower"].iter().any(|name| dependency.starts_with(name));
        assert!(!web, "the store may not depend on {dependency}");
    }
    for (name, words) in [("store", ["tonic::", "axum::"]), ("gateway", ["diesel::", "homepot_store"])] {
        for file in rust_files(&workspace().join("services").join(name)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let named = words.iter().find(|word| text.contains(**word));
            assert_eq!(named, None, "{}", file.display());
        }
    }
}

#[test]
fn neither_the_agent_nor_the_simulator_nor_the_gateway_reaches_the_database_on_any_way() {
    let metadata = metadata();
    for name in ["homepot-agent", "homepot-gateway", "homepot-simulator"] {
        let reached = reached(&metadata, name);
        let bad: Vec<_> = DATABASE.iter().filter(|crate_name| reached.contains(**crate_name)).collect();
        assert!(bad.is_empty(), "{name} reaches {bad:?}");
    }
    assert!(reached(&metadata, "homepot-server").contains("diesel"), "the walk itself works");
}

#[test]
fn what_a_caller_may_see_is_decided_in_one_place() {
    let naming = |room: &str, word: &str| -> BTreeSet<String> {
        let files = rust_files(&workspace().join(room)).into_iter();
        let naming = files.filter(|file| std::fs::read_to_string(file).unwrap().contains(word));
        naming.map(|file| file.strip_prefix(workspace()).unwrap().display().to_string()).collect()
    };
    let expected = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(naming("services", ".allows("), expected(&["services/operator-api/src/directory.rs"]));
    // The others are no queries of the builder: columns that are written, and a statement in SQL.
    let in_queries = [
        "services/store/src/error_groups/read.rs",
        "services/store/src/operators/identities.rs",
        "services/store/src/operators/mod.rs",
        "services/store/src/scope.rs",
    ];
    assert_eq!(naming("services/store/src", ".site_ids()"), expected(&in_queries));
}

#[test]
fn no_program_needs_an_installed_libpq() {
    for name in ["homepot", "homepot-agent", "homepot-sim"] {
        let output = Command::new("ldd").arg(program(name)).output().unwrap();
        let linked = String::from_utf8(output.stdout).unwrap();
        assert!(linked.contains("libc.so"), "ldd tells what {name} links: {linked}");
        assert!(!linked.contains("libpq"), "{name} links {linked}");
    }
}

/// Cargo may lock diesel to the released bindings again when it resolves dependencies anew. All builds and nearly all works
/// without the hook; only what the database's trouble means is then told wrong.
#[test]
fn diesel_uses_the_bindings_with_the_hook() {
    let metadata = metadata();
    let all = metadata["packages"].as_array().unwrap();
    let hooked = all.iter().find(|package| package["name"] == "pq-sys" && package["source"].is_null()).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let diesel = all.iter().find(|package| package["name"] == "diesel").unwrap();
    let uses = &nodes.iter().find(|node| node["id"] == diesel["id"]).unwrap()["dependencies"];
    let named = uses.as_array().unwrap().contains(&hooked["id"]);
    assert!(named, "in Cargo.lock, diesel must depend on pq-sys {}, not on the released one", hooked["version"]);
}

#[test]
fn no_source_file_grows_past_500_lines() {
    let long: Vec<_> = rust_files(workspace())
        .into_iter()
        .map(|file| (std::fs::read_to_string(&file).unwrap().lines().count(), file))
        .filter(|(lines, _)| *lines > 500)
        .collect();
    assert!(long.is_empty(), "two rooms serve better than one: {long:?}");
}

/// The gateway translates: what is new is found over REST and gRPC-Web from the contract alone. The page's sign-in and its files are
/// the one thing that it does by itself, and are counted by themselves. Blank lines and tests do not count.
#[test]
fn the_gateway_stays_thin() {
    const PAGE: [&str; 5] = ["cookie.rs", "dashboard.rs", "provider.rs", "same_origin.rs", "session.rs"];
    let written = |file: &&PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().take_while(|line| *line != "#[cfg(test)]").filter(|line| !line.trim().is_empty()).count()
    };
    let web = workspace().join("services/gateway/src/web");
    let files = rust_files(&workspace().join("services/gateway/src"));
    let counted = files.iter().filter(|file| !file.ends_with("tests.rs"));
    let (page, rest): (Vec<_>, Vec<_>) = counted.partition(|file| PAGE.iter().any(|name| **file == web.join(name)));
    assert_eq!(page.len(), PAGE.len(), "the files of the page are found by their names");
    let [page, rest] = [page, rest].map(|files| files.iter().map(written).sum::<usize>());
    assert!(rest > 1_000, "the count itself works: {rest}");
    assert!(rest <= 4_500, "what translates has {rest} lines");
    assert!(page <= 500, "the page's sign-in and files have {page} lines");
}

#[test]
fn every_crate_opens_by_saying_what_it_is_for() {
    let metadata = metadata();
    for (name, package) in ours(&metadata) {
        let directory = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap();
        let library = Some(directory.join("src/lib.rs")).filter(|file| file.is_file());
        let text = std::fs::read_to_string(library.unwrap_or_else(|| directory.join("src/main.rs"))).unwrap();
        let opening = text.lines().take_while(|line| line.starts_with("//!")).count();
        assert!(opening >= 3, "{name}: its code opens with {opening} lines of documentation");
    }
}

/// What a file of the shell names of its neighbours: the words that follow `super::` and `ctl::`, tests left out.
fn neighbours(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let after = |mark: &'static str| code.match_indices(mark).map(move |(at, _)| &code[at + mark.len()..]);
    after("super::").chain(after("ctl::")).flat_map(first_words).collect()
}

/// What a path, or each of a group of paths, begins with: `a::b` with `a`, `{a::{b, c}, d}` with `a` and `d`.
fn first_words(path: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut begin, mut found) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                found.push(word(&group[begin..at]));
                begin = at + 1;
            }
            '}' => depth -= 1,
            _ => {}
        }
        if c == '}' && begin == at + 1 {
            break;
        }
    }
    found
}

#[test]
fn what_a_file_names_is_read_from_its_paths() {
    assert_eq!(first_words("kit::{args::Limit, out}"), ["kit"]);
    assert_eq!(first_words("{a::{b, c}, d, super::e::F}; {g}"), ["a", "d", "super"]);
    let named = neighbours("use super::{super::kit::out, sites};\nuse crate::ctl::runs;\n#[cfg(test)]\nuse super::x;");
    assert_eq!(named, ["super", "kit", "sites", "runs"].map(str::to_owned).into());
}

/// The modules below a directory by their names, a file each or the `mod.rs` of a directory; none where there is no directory.
fn modules(directory: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return BTreeMap::new() };
    let below = entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("mod.rs"));
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let file = if path.is_dir() { path.join("mod.rs") } else { path };
        (name, std::fs::read_to_string(file).unwrap())
    };
    below.map(read).collect()
}

#[test]
fn the_nouns_of_the_shell_know_the_kit_alone_and_the_kit_goes_round_in_no_circle() {
    let shell = workspace().join("services/server/src/ctl");
    let (mut nouns, kit) = (modules(&shell), modules(&shell.join("kit")));
    nouns.remove("kit");
    assert!(nouns.contains_key("sites") && nouns.contains_key("devices"), "the walk itself works: {:?}", nouns.keys());
    for (noun, text) in &nouns {
        // A large noun has rooms of its own below it.
        for text in modules(&shell.join(noun)).values().chain([text]) {
            let mut others = neighbours(text);
            others.retain(|name| name != noun && nouns.contains_key(name));
            assert!(others.is_empty(), "{noun} knows {others:?}; what both need belongs into the kit");
        }
    }
    let mut left: BTreeMap<_, _> = kit.iter().map(|(name, text)| (name.clone(), neighbours(text))).collect();
    assert!(left["out"].contains("table"), "the walk itself works: {left:?}");
    for (part, known) in &mut left {
        let others: Vec<_> = known.iter().filter(|name| nouns.contains_key(*name)).collect();
        assert!(others.is_empty(), "kit/{part} knows {others:?}");
        known.retain(|name| name != part && kit.contains_key(name));
    }
    // Whoever knows nobody that is left goes, until nobody is left.
    while let Some(free) = left.iter().find(|(_, known)| known.is_empty()).map(|(name, _)| name.clone()) {
        left.remove(&free);
        left.values_mut().for_each(|known| {
            known.remove(&free);
        });
    }
    assert!(left.is_empty(), "these know one another in a circle: {left:?}");
}

fn metadata() -> Value {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let output = cargo.args(["metadata", "--format-version=1", "--locked"]).current_dir(workspace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ours(metadata: &Value) -> BTreeMap<String, &Value> {
    let members = metadata["workspace_members"].as_array().unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .filter(|package| members.contains(&package["id"]))
        .map(|package| (package["name"].as_str().unwrap().to_owned(), package))
        .collect()
}

/// The direct dependencies of a package with their kind: `normal`, `dev` or `build`.
fn dependencies(package: &Value) -> Vec<(String, String)> {
    let list = package["dependencies"].as_array().unwrap().iter();
    list.map(|dependency| {
        let kind = dependency["kind"].as_str().unwrap_or("normal");
        (dependency["name"].as_str().unwrap().to_owned(), kind.to_owned())
    })
    .collect()
}

/// Everything that is built into `name`, near and far.
fn reached(metadata: &Value, name: &str) -> BTreeSet<String> {
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["id"].as_str().unwrap(), package["name"].as_str().unwrap()))
        .collect();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|node| (node["id"].as_str().unwrap(), node))
        .collect();
    let start = *names.iter().find(|(_, known)| **known == name).unwrap().0;
    let mut seen = BTreeSet::from([start]);
    let mut left = vec![start];
    while let Some(id) = left.pop() {
        for dependency in nodes[id]["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            let built_in = kinds.iter().any(|kind| kind["kind"].as_str() != Some("dev"));
            let next = dependency["pkg"].as_str().unwrap();
            if built_in && seen.insert(next) {
                left.push(next);
            }
        }
    }
    seen.into_iter().map(|id| names[id].to_owned()).collect()
}

#[test]
fn variables_are_read_by_the_one_rule_that_tells_not_set_from_not_readable() {
    for room in ["agent/src", "benches/src", "services", "simulator/src", "src"] {
        // Build scripts read what cargo tells them.
        let files = rust_files(&workspace().join(room)).into_iter();
        for file in files.filter(|file| !file.ends_with("build.rs")) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(!text.contains("env::var("), "{}: homepot_host::environment reads variables", file.display());
        }
    }
}

/// Flags of the server stand in the crate that uses them. A flag that the runtime or the server declares for another crate
/// comes with a type that mirrors that crate's own, and with a place where one is copied into the other.
#[test]
fn each_crate_declares_the_settings_that_it_uses() {
    let places = [
        ("gateway", "HOMEPOT_FLEET_METRICS"),
        ("hints", "HOMEPOT_REDIS_"),
        ("link", "HOMEPOT_SAMPLE_INTERVAL"),
        ("link", "HOMEPOT_HEARTBEAT_INTERVAL"),
        ("oidc", "HOMEPOT_OIDC_"),
        ("rollout", "HOMEPOT_MEND_"),
        ("registry", "HOMEPOT_OPEN_ENROLLMENT"),
        ("runtime", "HOMEPOT_LOG"),
        ("store", "HOMEPOT_DATABASE_"),
        ("store", "HOMEPOT_RETENTION_"),
    ];
    let services = workspace().join("services");
    let declaring = |variable: &str| -> BTreeSet<String> {
        let flag = format!("env = \"{variable}");
        let files = rust_files(&services).into_iter();
        let declaring = files.filter(|file| std::fs::read_to_string(file).unwrap().contains(&flag));
        let room = |file: PathBuf| {
            let below = file.strip_prefix(&services).unwrap();
            below.iter().next().unwrap().to_string_lossy().into_owned()
        };
        declaring.map(room).collect()
    };
    for (room, variable) in places {
        assert_eq!(declaring(variable), [room.to_owned()].into(), "{variable}");
    }
    // The server hands on what each crate made of its settings.
    let copied = std::fs::read_to_string(services.join("server/src/assemble.rs")).unwrap();
    for word in ["Retention", "OpenEnrollment", "sample_interval"] {
        assert!(!copied.contains(word), "assemble.rs names {word}");
    }
}

/// Where code may name a metric, and why; see "A metric of devices" in CONTRIBUTING.md. Tests and benchmarks are not counted.
const NAMING_METRICS: &[(&str, &str)] = &[
    ("src/model/metric/table.rs", "its entry"),
    ("agent/src/collector/mod.rs", "what measures it"),
    ("simulator/src/life/measure.rs", "what plays it"),
    ("simulator/src/life/mod.rs", "counters that a played life carries on with"),
    ("agent/src/collector/diagnostics.rs", "an answer to a command with fields of its own, some of the same name"),
    ("services/gateway/src/legacy/metrics.rs", "the frozen legacy contract names its fields one by one"),
    ("simulator/src/fleet/poller.rs", "plays a legacy agent by that contract"),
    ("services/server/src/demo/shop.rs", "a demonstration that waits for a device to fail"),
    ("services/server/src/demo/steps.rs", "a demonstration that shows three of them in one line"),
    ("simulator/src/traffic/mod.rs", "errors a second of played applications, a rate of the same name"),
    ("simulator/src/traffic/plan.rs", "the same"),
];

/// Whether `text` has `word`, not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_of_a_word) && !text[at + word.len()..].starts_with(is_of_a_word))
}

/// Columns, rollups, JSON, the shell, Prometheus and logs are made from the table of metrics: a new metric changes none of them.
#[test]
fn a_metric_is_named_in_its_entry_and_where_it_is_measured_and_nowhere_else() {
    let words: Vec<_> =
        Metric::ALL.iter().flat_map(|metric| [metric.name().to_owned(), format!("{metric:?}")]).collect();
    let is_test = |file: &Path| {
        let inside = file.strip_prefix(workspace()).unwrap();
        inside.ends_with("tests.rs") || inside.components().any(|part| part.as_os_str() == "tests")
    };
    let named = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let mut lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.any(|line| words.iter().any(|word| has_word(line, word)))
    };
    let rooms =
        ["agent", "host", "packing", "services", "simulator", "src"].map(|room| rust_files(&workspace().join(room)));
    let found = rooms.into_iter().flatten().filter(|file| !is_test(file) && named(file));
    let found: BTreeSet<_> = found.map(|file| file.strip_prefix(workspace()).unwrap().display().to_string()).collect();
    let known: BTreeSet<_> = NAMING_METRICS.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, known);
}

#[test]
fn rows_come_to_a_statement_by_the_names_of_their_columns() {
    let mut lists = 0;
    for file in rust_files(&workspace().join("services/store/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        lists += code.matches("unnest({arrays})").count();
        // One array alone can't be taken for another.
        let mut numbered = code.split("unnest($").skip(1).map(|rest| rest.split(')').next().unwrap());
        let several = numbered.find(|arrays| arrays.contains(','));
        assert_eq!(several, None, "{}: give them to a Statement", file.display());
    }
    assert!(lists > 10, "the walk itself works: {lists}");
}

/// The Rust files below a directory, build output left out.
pub(crate) fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(rust_files(&path));
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

/// A copy of the script, with a cargo-deny that can't fetch the database.
#[test]
fn the_check_of_known_vulnerabilities_fails_when_it_can_not_be_made_unless_told_that_it_may() {
    let place = tempfile::tempdir().unwrap();
    let script = std::fs::read_to_string(workspace().join("scripts/deny")).unwrap();
    let version = script.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    let tool = place.path().join(format!(".tools/cargo-deny-{version}/bin/cargo-deny"));
    for directory in [place.path().join("scripts"), tool.parent().unwrap().to_owned()] {
        std::fs::create_dir_all(directory).unwrap();
    }
    for name in ["deny", "env"] {
        std::fs::copy(workspace().join("scripts").join(name), place.path().join("scripts").join(name)).unwrap();
    }
    std::fs::write(&tool, "#!/bin/sh\ncase \"$*\" in *fetch*) echo 'no way there' >&2; exit 1 ;; esac\n").unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let run = |word: Option<&str>| {
        let mut deny = Command::new("bash");
        deny.arg(place.path().join("scripts/deny")).env_remove("HOMEPOT_ADVISORIES");
        let output = deny.envs(word.map(|word| ("HOMEPOT_ADVISORIES", word))).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for word in [None, Some("required")] {
        let (code, said) = run(word);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("no way there") && said.contains("HOMEPOT_ADVISORIES=optional scripts/deny"), "{said}");
    }
    let (code, said) = run(Some("optional"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.lines().last().unwrap().contains("KNOWN VULNERABILITIES WERE NOT CHECKED"), "{said}");
    assert_eq!(run(Some("maybe")).0, Some(2));
}
