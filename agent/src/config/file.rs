//! The TOML file, read key by key so that every fault in it is told, not only the first.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::commands::{Rules, builtin::ProgramRule};

/// What the file says.
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
    pub(super) enrollment_token_file: Option<PathBuf>,
    pub(super) allow_plaintext: Option<bool>,
    pub(super) spool_max_bytes: Option<String>,
    pub(super) spool_max_age: Option<String>,
    pub(super) rules: Rules,
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
        enrollment_token_file: keys.text("enrollment_token_file").map(PathBuf::from),
        allow_plaintext: keys.flag("allow_plaintext"),
        spool_max_bytes: keys.text("spool_max_bytes"),
        spool_max_age: keys.text("spool_max_age"),
        rules: Rules::default(),
    };
    let commands = keys.table("commands");
    keys.refuse_the_rest();

    let mut keys = Keys { prefix: "commands.", table: commands, faults };
    let (restart_app, reboot) = (keys.table("restart_app"), keys.table("reboot"));
    keys.refuse_the_rest();
    let rules = Rules {
        restart_app: rule("commands.restart_app.", restart_app, faults),
        reboot: rule("commands.reboot.", reboot, faults),
    };
    File { rules, ..file }
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
struct Keys<'a> {
    prefix: &'a str,
    table: Table,
    faults: &'a mut Vec<String>,
}

impl Keys<'_> {
    fn take<T>(&mut self, key: &str, kind: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let value = read(self.table.remove(key)?);
        if value.is_none() {
            self.faults.push(format!("{}{key} must be {kind}", self.prefix));
        }
        value
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, "a text", text)
    }

    fn flag(&mut self, key: &str) -> Option<bool> {
        self.take(key, "true or false", |value| value.as_bool())
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let list = |value| match value {
            Value::Array(values) => values.into_iter().map(text).collect(),
            _ => None,
        };
        self.take(key, "a list of texts", list).unwrap_or_default()
    }

    fn table(&mut self, key: &str) -> Table {
        let table = |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        };
        self.take(key, "a table", table).unwrap_or_default()
    }

    fn refuse_the_rest(self) {
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
