//! The TOML files, read key by key so that every fault in them is told, not only the first.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::targets;
use crate::{
    commands::{Rules, builtin::ProgramRule},
    update::Targets,
};

const RESTART_APP: &str = "restart_app";
const REBOOT: &str = "reboot";

/// What a file says, or several together.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) server: Option<String>,
    pub(super) site: Option<String>,
    pub(super) device_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) device_type: Option<String>,
    pub(super) state_dir: Option<PathBuf>,
    pub(super) host_root: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) update_probation: Option<String>,
    pub(super) update_healthy_for: Option<String>,
    pub(super) enrollment_token_file: Option<PathBuf>,
    pub(super) allow_plaintext: Option<bool>,
    pub(super) spool_max_bytes: Option<String>,
    pub(super) spool_max_age: Option<String>,
    pub(super) update_root_file: Option<PathBuf>,
    pub(super) hold_directory: Option<PathBuf>,
    pub(super) update_self: Option<bool>,
    /// What the selectors of releases are compared with.
    pub(super) labels: BTreeMap<String, String>,
    /// The commands of which something is said: the program, or `None` where it is denied.
    commands: BTreeMap<&'static str, Option<ProgramRule>>,
    /// Where releases may be put, and what is run around it.
    pub(super) targets: Targets,
}

impl File {
    /// Both together; what `later` says counts.
    pub(super) fn before(mut self, later: Self) -> Self {
        self.commands.extend(later.commands);
        self.labels.extend(later.labels);
        self.targets.targets.extend(later.targets.targets);
        self.targets.checks.extend(later.targets.checks);
        Self {
            server: later.server.or(self.server),
            site: later.site.or(self.site),
            device_id: later.device_id.or(self.device_id),
            name: later.name.or(self.name),
            device_type: later.device_type.or(self.device_type),
            state_dir: later.state_dir.or(self.state_dir),
            host_root: later.host_root.or(self.host_root),
            ca_file: later.ca_file.or(self.ca_file),
            update_probation: later.update_probation.or(self.update_probation),
            update_healthy_for: later.update_healthy_for.or(self.update_healthy_for),
            enrollment_token_file: later.enrollment_token_file.or(self.enrollment_token_file),
            allow_plaintext: later.allow_plaintext.or(self.allow_plaintext),
            spool_max_bytes: later.spool_max_bytes.or(self.spool_max_bytes),
            spool_max_age: later.spool_max_age.or(self.spool_max_age),
            update_root_file: later.update_root_file.or(self.update_root_file),
            hold_directory: later.hold_directory.or(self.hold_directory),
            update_self: later.update_self.or(self.update_self),
            labels: self.labels,
            commands: self.commands,
            targets: self.targets,
        }
    }

    /// What commands may do.
    pub(super) fn rules(&self) -> Rules {
        let rule = |name| self.commands.get(name).cloned().flatten();
        Rules { restart_app: rule(RESTART_APP), reboot: rule(REBOOT) }
    }
}

/// The texts of the file at `path` and of those in the directory beside it, in the order in which they count. The file
/// itself need not be there, unless it was `asked` for.
pub(super) fn texts(path: &Path, asked: bool, faults: &mut Vec<String>) -> Vec<(PathBuf, String)> {
    let is_absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let mut paths = Vec::new();
    if asked || !fs::exists(path).is_ok_and(|exists| !exists) {
        paths.push(path.to_owned());
    }
    let beside = path.with_extension("d");
    match fs::read_dir(&beside)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>())
    {
        Ok(mut found) => {
            found.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
            found.sort();
            paths.extend(found);
        }
        Err(error) if is_absent(&error) => {}
        Err(error) => faults.push(format!("can't read {}: {error}", beside.display())),
    }
    let mut texts = Vec::new();
    for path in paths {
        match fs::read_to_string(&path) {
            Ok(text) => {
                faults.extend(super::untrusted("config", &path));
                texts.push((path, text));
            }
            Err(error) => faults.push(format!("can't read {}: {error}", path.display())),
        }
    }
    texts
}

/// Reads `text`, which came from `path`.
pub(super) fn read(path: &Path, text: &str, faults: &mut Vec<String>) -> File {
    let mut found = Vec::new();
    let file = match text.parse::<Table>() {
        Ok(table) => read_table(table, &mut found),
        Err(error) => {
            found.push(error.to_string().trim_end().to_owned());
            File::default()
        }
    };
    faults.extend(found.into_iter().map(|fault| format!("{}: {fault}", path.display())));
    file
}

fn read_table(table: Table, faults: &mut Vec<String>) -> File {
    let mut keys = Keys { prefix: "", table, faults };
    let file = File {
        server: keys.text("server"),
        site: keys.text("site"),
        device_id: keys.text("device_id"),
        name: keys.text("name"),
        device_type: keys.text("device_type"),
        state_dir: keys.text("state_dir").map(PathBuf::from),
        host_root: keys.text("host_root").map(PathBuf::from),
        ca_file: keys.text("ca_file").map(PathBuf::from),
        update_probation: keys.text("update_probation"),
        update_healthy_for: keys.text("update_healthy_for"),
        enrollment_token_file: keys.text("enrollment_token_file").map(PathBuf::from),
        allow_plaintext: keys.flag("allow_plaintext"),
        spool_max_bytes: keys.text("spool_max_bytes"),
        spool_max_age: keys.text("spool_max_age"),
        update_root_file: keys.text("update_root_file").map(PathBuf::from),
        hold_directory: keys.text("hold_directory").map(PathBuf::from),
        update_self: keys.flag("update_self"),
        labels: BTreeMap::new(),
        commands: BTreeMap::new(),
        targets: Targets::default(),
    };
    let labels = keys.table("labels");
    let commands = keys.table("commands");
    let (places, checks) = (keys.table("targets"), keys.table("checks"));
    keys.refuse_the_rest();

    let mut keys = Keys { prefix: "labels.", table: labels, faults };
    let names: Vec<_> = keys.table.keys().cloned().collect();
    let labels = names.into_iter().filter_map(|name| Some((name.clone(), keys.text(&name)?))).collect();
    let mut keys = Keys { prefix: "commands.", table: commands, faults };
    let tables = [RESTART_APP, REBOOT].map(|name| keys.table.contains_key(name).then(|| (name, keys.table(name))));
    keys.refuse_the_rest();
    let told = tables.into_iter().flatten();
    let commands = told.map(|(name, table)| (name, rule(&format!("commands.{name}."), table, faults))).collect();
    let (targets, checks) = (targets::read(places, faults), targets::read_checks(checks, faults));
    let targets = Targets { targets, checks, own: None };
    File { labels, commands, targets, ..file }
}

fn rule(prefix: &str, table: Table, faults: &mut Vec<String>) -> Option<ProgramRule> {
    let mut keys = Keys { prefix, table, faults };
    let allow = keys.flag("allow").unwrap_or_default();
    let program = keys.text("program").map(PathBuf::from);
    let args = keys.texts("args");
    keys.refuse_the_rest();
    if program.is_none() && allow {
        faults.push(format!("{prefix}program is required where allow is true"));
    }
    let program = program?;
    if !program.is_absolute() {
        faults.push(format!("{prefix}program must be an absolute path"));
    }
    allow.then_some(ProgramRule { program, args })
}

/// The keys of a table; each is taken once, and what is left over is a fault.
pub(super) struct Keys<'a> {
    pub(super) prefix: &'a str,
    pub(super) table: Table,
    pub(super) faults: &'a mut Vec<String>,
}

impl Keys<'_> {
    fn take<T>(&mut self, key: &str, kind: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = read(self.table.remove(key)?);
        if value.is_none() {
            self.faults.push(format!("{}{key} must be {kind}", self.prefix));
        }
        value
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, "a text", text)
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.take(key, "true or false", |value| value.as_bool())
    }

    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        let list = |value| match value {
            Value::Array(values) => values.into_iter().map(text).collect(),
            _ => None,
        };
        self.take(key, "a list of texts", list).unwrap_or_default()
    }

    pub(super) fn table(&mut self, key: &str) -> Table {
        let table = |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        };
        self.take(key, "a table", table).unwrap_or_default()
    }

    pub(super) fn refuse_the_rest(self) {
        let unknown = self.table.keys().map(|key| format!("unknown key {}{key}", self.prefix));
        self.faults.extend(unknown);
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}
