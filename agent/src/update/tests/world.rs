//! A device with three targets, a release for it, and a server that answers what it is asked.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use homepot_release::{
    Device, Digest, Envelope, Kind, Manifest, PrivateKey, TrustedRoot, Value, VerifiedManifest,
    manifest::{File, Selector},
    root::{Role, Root},
    value::{self, Bounds, Variable},
    verify,
};

use super::super::{
    Action, Attributes, Dir, Disk, Event, Offer, Runner, SinceBoot, State, Target, Targets, Timing, Updater,
    disk::model::ModelDisk,
};
use crate::commands::builtin::ProgramRule;

pub(super) const PIN: &str = "hunter2";
const NOW: u64 = 1_000;

/// What programs answer, and what was run.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) ran: Rc<RefCell<Vec<String>>>,
    pub(super) failing: Rc<RefCell<BTreeSet<String>>>,
}

impl Script {
    pub(super) fn fail(&self, program: &str) {
        self.failing.borrow_mut().insert(program.to_owned());
    }

    pub(super) fn mend(&self, program: &str) {
        self.failing.borrow_mut().remove(program);
    }

    pub(super) fn count(&self, program: &str) -> usize {
        self.ran.borrow().iter().filter(|ran| ran.starts_with(program)).count()
    }
}

impl Runner for Script {
    fn run(&mut self, rule: &ProgramRule, _: &[(&str, String)], _: Duration) -> Result<(), String> {
        let program = rule.program.display().to_string();
        self.ran.borrow_mut().push(format!("{program} {}", rule.args.join(" ")));
        if self.failing.borrow().contains(&program) {
            return Err(format!("{program} ended with exit status: 1\nthe pin is {PIN}"));
        }
        Ok(())
    }
}

pub(super) fn rule(program: &str, args: &[&str]) -> ProgramRule {
    ProgramRule { program: program.into(), args: args.iter().map(|arg| (*arg).to_owned()).collect() }
}

pub(super) fn etc() -> Dir {
    Dir::Target("/etc/pos".into())
}

fn srv() -> Dir {
    Dir::Target("/srv".into())
}

/// The targets: their directories, their files, and what is there before.
pub(super) fn places() -> [(&'static str, Dir, &'static str, Option<&'static [u8]>); 3] {
    [
        ("config", etc(), "pos.toml", Some(b"old config")),
        ("fresh", etc(), "fresh", None),
        ("logo", srv(), "logo", Some(b"old logo")),
    ]
}

pub(super) fn targets() -> Targets {
    let attributes = Attributes { mode: 0o644, owner: None, group: None };
    let target = |(name, dir, file, _): (&str, Dir, &str, Option<&[u8]>)| {
        let Dir::Target(directory) = dir else { unreachable!() };
        let (reload, health) = (Some(rule("reload", &[])), Some(rule("health", &[])));
        let validator = Some(rule("validate", &["{file}"]));
        (name.to_owned(), Target { directory, file: file.to_owned(), attributes, reload, validator, health })
    };
    Targets {
        targets: places().into_iter().map(target).collect(),
        checks: BTreeMap::from([("pos-answers".to_owned(), rule("answers", &[]))]),
        own: None,
    }
}

/// A person who signs, and what was uploaded.
pub(super) struct World {
    key: PrivateKey,
    root: TrustedRoot,
    pub(super) artifacts: BTreeMap<Digest, Vec<u8>>,
    usual: BTreeMap<u64, VerifiedManifest>,
}

impl World {
    pub(super) fn new() -> Self {
        let key = PrivateKey::generate().unwrap();
        let id = key.public().id();
        let role = Role { threshold: 1, keys: BTreeSet::from([id]) };
        let root = Root {
            version: 1,
            expires: 10 * NOW,
            keys: BTreeMap::from([(id, key.public())]),
            root: role.clone(),
            release: role,
        };
        let mut envelope = Envelope::new(Kind::Root, root.encode());
        envelope.sign(Kind::Root, &key).unwrap();
        let root = TrustedRoot::first(&envelope.encode()).unwrap();
        Self { key, root, artifacts: BTreeMap::new(), usual: BTreeMap::new() }
    }

    /// The release that all tests install: two plain files and a template.
    pub(super) fn usual(&mut self, counter: u64) -> VerifiedManifest {
        const FILES: &[(&str, &[u8], bool)] =
            &[("config", b"pin = {{ pin|json }}", true), ("fresh", b"new fresh", false), ("logo", b"new logo", false)];
        if let Some(made) = self.usual.get(&counter) {
            return made.clone();
        }
        let made = self.release(counter, FILES);
        self.usual.insert(counter, made.clone());
        made
    }

    pub(super) fn release(&mut self, counter: u64, files: &[(&str, &[u8], bool)]) -> VerifiedManifest {
        self.release_with(counter, files, |_| ())
    }

    pub(super) fn release_with(
        &mut self,
        counter: u64,
        files: &[(&str, &[u8], bool)],
        change: impl FnOnce(&mut Manifest),
    ) -> VerifiedManifest {
        let mut listed = Vec::new();
        for (target, bytes, template) in files {
            let sha256 = Digest::of(bytes);
            self.artifacts.insert(sha256, bytes.to_vec());
            listed.push(File { target: (*target).to_owned(), sha256, size: bytes.len() as u64, template: *template });
        }
        let pin = Variable {
            name: "pin".to_owned(),
            bounds: Bounds::Text { max_length: 20, pattern: None, multiline: false },
            required: false,
            secret: true,
            default: None,
        };
        let mut manifest = Manifest {
            name: "pos".to_owned(),
            version: counter.to_string(),
            counter,
            created: NOW,
            expires: 2 * NOW,
            selector: Selector::default(),
            files: listed,
            variables: vec![pin],
            validators: Vec::new(),
            health: vec!["pos-answers".to_owned()],
            mend_drift: false,
        };
        change(&mut manifest);
        let mut envelope = Envelope::new(Kind::Release, manifest.encode());
        envelope.sign(Kind::Release, &self.key).unwrap();
        verify::verify(&self.root, &envelope.encode(), &Device::default(), NOW).unwrap()
    }

    /// Hands in an event, and answers all that follows from it, until time has to go by. Stops before `Apply` where `holds`.
    pub(super) fn feed<D: Disk, R: Runner>(
        &self,
        updater: &mut Updater<D, R>,
        event: Event,
        now: SinceBoot,
        holds: bool,
    ) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in updater.handle(event, now) {
                match action {
                    Action::Fetch { digest, offset, length } => {
                        let (from, to) = (offset as usize, (offset + length) as usize);
                        let bytes = self.artifacts[&digest][from..to].to_vec();
                        events.push(Event::Chunk { digest, offset, bytes });
                    }
                    Action::AskToApply { generation } if !holds => events.push(Event::Apply { generation }),
                    Action::AskToApply { .. } | Action::Report | Action::Restart => {}
                }
            }
        }
    }

    /// Lets time go by until the newest release has ended and nothing is due, or too much has been tried.
    pub(super) fn settle<D: Disk, R: Runner>(&self, updater: &mut Updater<D, R>, now: &mut SinceBoot) {
        for _ in 0..60 {
            self.feed(updater, Event::Tick, *now, false);
            match updater.wake_after(*now) {
                Some(wait) => *now += wait,
                None => return,
            }
        }
    }
}

pub(super) fn offer(generation: u64, manifest: &VerifiedManifest) -> Event {
    let values = BTreeMap::from([("pin".to_owned(), Value::Text(PIN.to_owned()))]);
    let values = value::check(&manifest.manifest().variables, &values).unwrap();
    Event::Offer(Box::new(Offer { generation, manifest: manifest.clone(), values }))
}

/// A disk with the old files.
pub(super) fn disk() -> ModelDisk {
    let disk = ModelDisk::default();
    for (_, dir, file, old) in places() {
        if let Some(old) = old {
            disk.put(&dir, file, old);
        }
    }
    disk
}

pub(super) type Model = Updater<ModelDisk, Script>;

pub(super) fn open(disk: &ModelDisk, script: &Script, now: SinceBoot) -> std::io::Result<Model> {
    Updater::open(disk.clone(), script.clone(), targets(), Timing::default(), "boot", now)
}

/// The same after a reboot: deadlines of before mean nothing.
pub(super) fn reboot(disk: &ModelDisk, script: &Script, now: SinceBoot) -> Model {
    Updater::open(disk.clone(), script.clone(), targets(), Timing::default(), "another boot", now).unwrap()
}

/// Whether all targets are old (`Some(false)`) or all new (`Some(true)`).
pub(super) fn is_new(disk: &ModelDisk) -> Option<bool> {
    let new: [&[u8]; 3] = [b"pin = \"hunter2\"", b"new fresh", b"new logo"];
    let found = places().map(|(_, dir, file, _)| disk.get(&dir, file));
    let old = places().map(|(_, _, _, old)| old.map(<[u8]>::to_vec));
    if found == old {
        return Some(false);
    }
    (found == new.map(|bytes| Some(bytes.to_vec()))).then_some(true)
}

/// Panics where the targets are not what the journal says.
pub(super) fn agrees(disk: &ModelDisk, state: Option<State>, when: &str) {
    let wanted = matches!(state, Some(State::Probation | State::Confirmed));
    let found = places().map(|(_, dir, file, _)| disk.get(&dir, file).map(|bytes| String::from_utf8(bytes).unwrap()));
    assert_eq!(is_new(disk), Some(wanted), "{state:?}, and the targets hold {found:?}: {when}");
}

/// Panics where something is left beside the targets or of the rendered files.
pub(super) fn is_tidy(disk: &ModelDisk, when: &str) {
    for dir in [etc(), srv(), Dir::State] {
        let names = disk.names(&dir);
        let left = names.iter().find(|name| name.contains("homepot") || name.starts_with("staged"));
        assert_eq!(left, None, "{when}");
    }
}
