//! The tables `targets` and `checks`: where releases may be put, and what is run around it.

use std::{collections::BTreeMap, fs, path::Path};

use homepot_release::manifest::is_name;
use toml::{Table, Value};

use super::file::Keys;
use crate::{
    commands::builtin::ProgramRule,
    update::{Attributes, Target, Targets, own::AGENT, split},
};

const MODE: u32 = 0o644;
/// A name beside it is longer by 15 letters, and a file system takes 255.
const MAX_FILE_NAME: usize = 200;

/// Reads `[targets.<name>]`.
pub(super) fn read(table: Table, faults: &mut Vec<String>) -> BTreeMap<String, Target> {
    let mut targets = BTreeMap::new();
    for (name, table) in tables("targets", table, faults) {
        let prefix = format!("targets.{name}.");
        let mut keys = Keys { prefix: &prefix, table, faults };
        let path = keys.text("path");
        let mode = keys.text("mode").map(|text| mode(&text));
        let owner = keys.text("owner").map(|text| id_of(Path::new("/etc/passwd"), &text));
        let group = keys.text("group").map(|text| id_of(Path::new("/etc/group"), &text));
        let [reload, validator, health] = ["reload", "validator", "health"].map(|key| program(&mut keys, key));
        keys.refuse_the_rest();
        let mut told = |key: &str, fault: &str| faults.push(format!("{prefix}{key} {fault}"));
        let mut known = |key, id: Option<Result<u32, String>>| match id {
            Some(Err(fault)) => {
                told(key, &fault);
                None
            }
            id => id.and_then(Result::ok),
        };
        let (owner, group) = (known("owner", owner), known("group", group));
        if mode == Some(None) {
            told("mode", "must be an octal number such as \"0640\", without the bits that run a program as its owner");
        }
        let attributes = Attributes { mode: mode.flatten().unwrap_or(MODE), owner, group };
        let Some((directory, file)) = path.as_deref().and_then(|path| split(Path::new(path))) else {
            told("path", "must be the absolute path of a file, without . and ..");
            continue;
        };
        if name == AGENT {
            told("path", "is not for you to say: the target agent is the agent itself; allow it by update_self = true");
        }
        if file.len() > MAX_FILE_NAME {
            told("path", "has a file name of more than 200 bytes");
        }
        let target = Target { directory, file, attributes, reload, validator, health };
        targets.insert(name, target);
    }
    targets
}

/// Targets of one path, which may come from several files: what lies beside it would get in each other's way.
pub(super) fn twins(targets: &Targets) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let twins = targets.targets.iter().filter_map(|(name, target)| {
        let other = seen.insert((&target.directory, &target.file), name)?;
        Some(format!("targets.{name}.path is that of target {other} too"))
    });
    twins.collect()
}

/// Reads `[checks.<name>]`.
pub(super) fn read_checks(table: Table, faults: &mut Vec<String>) -> BTreeMap<String, ProgramRule> {
    let mut checks = BTreeMap::new();
    for (name, table) in tables("checks", table, faults) {
        let prefix = format!("checks.{name}.");
        let mut keys = Keys { prefix: &prefix, table, faults };
        let is_there = keys.table.contains_key("program");
        let found = program(&mut keys, "program");
        keys.refuse_the_rest();
        if !is_there {
            faults.push(format!("{prefix}program is required"));
        }
        checks.extend(found.map(|rule| (name, rule)));
    }
    checks
}

/// All programs with the keys that name them.
pub(super) fn programs(targets: &Targets) -> impl Iterator<Item = (String, &Path)> {
    let of_targets = targets.targets.iter().flat_map(|(name, target)| {
        let rules = [("reload", &target.reload), ("validator", &target.validator), ("health", &target.health)];
        rules.into_iter().filter_map(move |(key, rule)| Some((format!("targets.{name}.{key}"), rule.as_ref()?)))
    });
    let checks = targets.checks.iter().map(|(name, rule)| (format!("checks.{name}.program"), rule));
    of_targets.chain(checks).map(|(key, rule)| (key, rule.program.as_path()))
}

/// The tables in a table, by names that may stand in a release.
fn tables(kind: &str, table: Table, faults: &mut Vec<String>) -> Vec<(String, Table)> {
    let mut found = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(table) if is_name(&name) => found.push((name, table)),
            Value::Table(_) => faults.push(format!("{kind}.{name}: a name is 1 to 64 of a to z, 0 to 9 and -")),
            _ => faults.push(format!("{kind}.{name} must be a table")),
        }
    }
    found
}

/// A program with its arguments, as one list.
fn program(keys: &mut Keys<'_>, key: &str) -> Option<ProgramRule> {
    if !keys.table.contains_key(key) {
        return None;
    }
    let mut words = keys.texts(key).into_iter();
    let program = words.next().filter(|program| Path::new(program).is_absolute());
    if program.is_none() {
        keys.faults
            .push(format!("{}{key} must be a list that begins with the absolute path of a program", keys.prefix));
    }
    Some(ProgramRule { program: program?.into(), args: words.collect() })
}

fn mode(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777)
}

/// The number of a user or group: the text itself, or what the system's file says about the name.
fn id_of(file: &Path, name: &str) -> Result<u32, String> {
    if let Ok(id) = name.parse() {
        return Ok(id);
    }
    let text = fs::read_to_string(file).map_err(|error| format!("can't be found out: {}: {error}", file.display()))?;
    let found = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok())?
    });
    found.ok_or_else(|| format!("{name} is not in {}", file.display()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn read_text(text: &str) -> (BTreeMap<String, Target>, Vec<String>) {
        let mut faults = Vec::new();
        let targets = read(text.parse().unwrap(), &mut faults);
        (targets, faults)
    }

    #[test]
    fn a_target_has_its_place_and_its_programs() {
        let (targets, faults) = read_text(
            "[pos-config]\npath = '/etc/pos/pos.toml'\nowner = 'root'\ngroup = '7'\nmode = '0640'\n\
             validator = ['/usr/bin/pos', 'check', '{file}']\nreload = ['/bin/true']\n[logo]\npath = '/srv/logo.png'",
        );
        assert_eq!(faults, [""; 0]);
        let target = &targets["pos-config"];
        assert_eq!((&target.directory, target.file.as_str()), (&PathBuf::from("/etc/pos"), "pos.toml"));
        assert_eq!(target.attributes, Attributes { mode: 0o640, owner: Some(0), group: Some(7) });
        assert_eq!(target.validator.as_ref().unwrap().args, ["check", "{file}"]);
        assert_eq!((&target.health, targets["logo"].attributes.mode), (&None, 0o644));
    }

    #[test]
    fn every_fault_is_told_with_its_key() {
        let (_, faults) = read_text(
            "x = 1\n['A/b']\npath = '/a'\n[a]\npath = 'etc/pos'\ncolour = 1\n[agent]\npath = '/usr/bin/homepot-agent'\n[b]\npath = '/etc/../pos'\nmode = '4755'\n\
             [c]\npath = '/etc/pos'\nreload = ['pos']\nhealth = 'pos'\nowner = 'nobody-of-this-name'",
        );
        for part in [
            "targets.x must be a table",
            "targets.A/b: a name is",
            "unknown key targets.a.colour",
            "targets.a.path must be the absolute path",
            "targets.agent.path is not for you to say",
            "targets.b.path must be the absolute path",
            "targets.b.mode must be an octal number",
            "targets.c.reload must be a list that begins with the absolute path",
            "targets.c.health must be a list of texts",
            "targets.c.owner nobody-of-this-name is not in /etc/passwd",
        ] {
            assert!(faults.iter().any(|fault| fault.starts_with(part)), "{part} not in {faults:#?}");
        }
        let (targets, _) = read_text("[c]\npath = '/etc/pos'\n[d]\npath = '/etc/pos'\n[e]\npath = '/etc/pos2'");
        let twins = twins(&Targets { targets, ..Targets::default() });
        assert_eq!(twins, ["targets.d.path is that of target c too"]);
        let mut faults = Vec::new();
        read_checks("[a]\n[b]\nprogram = ['x']\n[c]\nprogram = ['/bin/true', 'x']".parse().unwrap(), &mut faults);
        assert_eq!(
            faults,
            [
                "checks.a.program is required",
                "checks.b.program must be a list that begins with the absolute path of a program",
            ]
        );
    }
}
