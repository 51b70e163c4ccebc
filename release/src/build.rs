//! Makes the bytes that people sign from TOML files: a release from `release.toml`, a root from `root.toml`.
//!
//! ```toml
//! # release.toml. Paths are those of files beside it.
//! name = "pos-config"
//! version = "2.4.1"                     # for people
//! counter = 17                          # higher than that of every release before
//! expires = 2027-03-01T00:00:00Z
//! validators = ["pos-config-syntax"]    # checks of the agent's configuration, before
//! health = ["pos-answers"]              # and after the files are put in place
//! mend_drift = true                     # files that are changed afterwards are put back; default: false
//!
//! [selector]                            # leave it out for all devices
//! sites = ["site-001"]
//! device_types = ["pos_terminal"]
//! devices = ["till-7"]
//! labels = { ring = "canary" }
//!
//! [targets.pos-config]
//! file = "pos.toml"
//! template = true
//!
//! [variables.port]
//! type = "integer"                      # min, max
//! min = 1
//! max = 65535
//! default = 8080
//!
//! [variables.name]
//! type = "string"                       # max_length, pattern, multiline
//! max_length = 40
//! pattern = "[A-Za-z ]+"
//! required = true
//!
//! [variables.mode]
//! type = "choice"                       # choices; a bool has no bounds
//! choices = ["live", "training"]
//! default = "live"
//!
//! [variables.pin]
//! type = "string"
//! secret = true                         # never shown; it can have no default
//! ```
//!
//! ```toml
//! # root.toml
//! version = 1
//! expires = 2028-01-01T00:00:00Z
//! keys = ["homepot-ed25519 0123456789abcdef AAAA…", "homepot-ed25519 …"]
//!
//! [root]                                # who signs the next root
//! threshold = 2
//! keys = ["0123456789abcdef", "fedcba9876543210"]
//!
//! [release]                             # who signs releases
//! threshold = 1
//! keys = ["fedcba9876543210"]
//! ```

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    Digest, KeyId, Manifest, PublicKey, Refused, Value,
    key::KeyError,
    manifest::{self, Limits, Selector},
    render::{self, RenderError},
    root::{Role, Root},
    value::{Bounds, Variable},
};

/// Why there is nothing to sign. Each error names the file or the key that is at fault.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The text is not the TOML that is expected.
    #[error("{0}")]
    Toml(String),
    /// A time can't be used.
    #[error("expires: {0} is no time with an offset, such as 2027-03-01T00:00:00Z")]
    Time(String),
    /// A file can't be read.
    #[error("can't read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A template can't be rendered.
    #[error("{}: {source}", path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: RenderError,
    },
    /// A variable has no usable type.
    #[error("variables.{name}: {fault}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// A public key can't be used.
    #[error("keys: {0}")]
    Key(#[from] KeyError),
    /// The id of a key can't be read.
    #[error("{role}.keys: {id:?} is no id of a key: 16 digits of 0 to 9 and a to f")]
    KeyId {
        /// `root` or `release`.
        role: &'static str,
        /// What is there.
        id: String,
    },
    /// What was made would be refused by every device.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// What [`release`] makes.
#[derive(Debug)]
pub struct Built {
    /// The content.
    pub manifest: Manifest,
    /// The bytes to sign, for [`Envelope::new`](crate::Envelope::new).
    pub payload: Vec<u8>,
    /// The files to upload.
    pub artifacts: Vec<Artifact>,
}

/// A file of a release that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The target that it is for.
    pub target: String,
    /// Its path, as `release.toml` has it.
    pub path: PathBuf,
    /// Its digest.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Makes a release of the text of a `release.toml`. `created` is the time in Unix seconds; `open` opens the files that the text names.
/// Templates are read and checked, so that a mistake shows here and not on devices.
pub fn release<R: Read>(
    text: &str,
    created: u64,
    mut open: impl FnMut(&Path) -> io::Result<R>,
) -> Result<Built, BuildError> {
    let file: ReleaseFile = parse(text)?;
    let variables =
        file.variables.into_iter().map(|(name, entry)| variable(name, entry)).collect::<Result<Vec<_>, _>>()?;
    let (mut files, mut artifacts) = (Vec::new(), Vec::new());
    for (target, TargetEntry { file: path, template }) in file.targets {
        let failed = |source| BuildError::File { path: path.clone(), source };
        let mut reader = open(&path).map_err(failed)?;
        let (sha256, size) = if template {
            let mut bytes = Vec::new();
            let limit = Limits::default().template;
            reader.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() as u64 <= limit {
                let faulty = |source| BuildError::Template { path: path.clone(), source };
                render::check(&bytes, &variables).map_err(faulty)?;
            }
            (Digest::of(&bytes), bytes.len() as u64)
        } else {
            Digest::of_reader(&mut reader).map_err(failed)?
        };
        files.push(manifest::File { target: target.clone(), sha256, size, template });
        artifacts.push(Artifact { target, path, sha256, size });
    }
    let selector = file.selector;
    let manifest = Manifest {
        name: file.name,
        version: file.version,
        counter: file.counter,
        created,
        expires: seconds(&file.expires)?,
        selector: Selector {
            sites: selector.sites,
            labels: selector.labels,
            device_types: selector.device_types,
            devices: selector.devices,
        },
        files,
        variables,
        validators: file.validators,
        health: file.health,
        mend_drift: file.mend_drift,
    };
    manifest.check(Limits::default())?;
    let payload = manifest.encode();
    Ok(Built { manifest, payload, artifacts })
}

/// Makes a root of the text of a `root.toml`; [`Root::encode`] gives the bytes to sign.
pub fn root(text: &str) -> Result<Root, BuildError> {
    let file: RootFile = parse(text)?;
    let keys = file.keys.iter().map(|line| PublicKey::parse(line)).collect::<Result<Vec<_>, _>>()?;
    let root = Root {
        version: file.version,
        expires: seconds(&file.expires)?,
        keys: keys.into_iter().map(|key| (key.id(), key)).collect(),
        root: role("root", file.root)?,
        release: role("release", file.release)?,
    };
    // What a device would refuse is refused here.
    Ok(Root::decode(&root.encode())?)
}

fn role(role: &'static str, entry: RoleEntry) -> Result<Role, BuildError> {
    let id = |id: String| KeyId::parse(&id).ok_or(BuildError::KeyId { role, id });
    let keys: BTreeSet<_> = entry.keys.into_iter().map(id).collect::<Result<_, _>>()?;
    Ok(Role { threshold: entry.threshold, keys })
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, BuildError> {
    toml::from_str(text).map_err(|error| BuildError::Toml(error.to_string().trim_end().to_owned()))
}

fn seconds(time: &toml::value::Datetime) -> Result<u64, BuildError> {
    let text = time.to_string();
    let parsed = chrono::DateTime::parse_from_rfc3339(&text).ok();
    parsed.and_then(|time| u64::try_from(time.timestamp()).ok()).ok_or(BuildError::Time(text))
}

fn variable(name: String, entry: VariableEntry) -> Result<Variable, BuildError> {
    let fault = |fault: &str| BuildError::Variable { name: name.clone(), fault: fault.to_owned() };
    let VariableEntry { kind, required, secret, default, min, max, max_length, pattern, multiline, choices } = entry;
    let (has_numbers, has_choices) = (min.is_some() || max.is_some(), choices.is_some());
    let has_text = max_length.is_some() || pattern.is_some() || multiline.is_some();
    let (bounds, strange) = match kind {
        VariableKind::String => (
            Bounds::Text { max_length: max_length.unwrap_or(1024), pattern, multiline: multiline.unwrap_or_default() },
            has_numbers || has_choices,
        ),
        VariableKind::Integer => {
            (Bounds::Integer { min: min.unwrap_or(i64::MIN), max: max.unwrap_or(i64::MAX) }, has_text || has_choices)
        }
        VariableKind::Bool => (Bounds::Boolean, has_text || has_numbers || has_choices),
        VariableKind::Choice => {
            (Bounds::Choice(choices.ok_or_else(|| fault("a choice needs choices"))?), has_text || has_numbers)
        }
    };
    if strange {
        return Err(fault(
            "min and max are for integers, max_length, pattern and multiline for strings, choices for choices",
        ));
    }
    let default = match default {
        None => None,
        Some(toml::Value::String(text)) => Some(Value::Text(text)),
        Some(toml::Value::Integer(number)) => Some(Value::Integer(number)),
        Some(toml::Value::Boolean(flag)) => Some(Value::Boolean(flag)),
        Some(_) => return Err(fault("default must be a text, a whole number, true or false")),
    };
    Ok(Variable { name, bounds, required, secret, default })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReleaseFile {
    name: String,
    version: String,
    counter: u64,
    expires: toml::value::Datetime,
    #[serde(default)]
    validators: Vec<String>,
    #[serde(default)]
    health: Vec<String>,
    #[serde(default)]
    mend_drift: bool,
    #[serde(default)]
    selector: SelectorEntry,
    targets: BTreeMap<String, TargetEntry>,
    #[serde(default)]
    variables: BTreeMap<String, VariableEntry>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SelectorEntry {
    sites: Vec<String>,
    labels: BTreeMap<String, String>,
    device_types: Vec<String>,
    devices: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetEntry {
    file: PathBuf,
    #[serde(default)]
    template: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum VariableKind {
    String,
    Integer,
    Bool,
    Choice,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariableEntry {
    #[serde(rename = "type")]
    kind: VariableKind,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    secret: bool,
    default: Option<toml::Value>,
    min: Option<i64>,
    max: Option<i64>,
    max_length: Option<u32>,
    pattern: Option<String>,
    multiline: Option<bool>,
    choices: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RootFile {
    version: u64,
    expires: toml::value::Datetime,
    keys: Vec<String>,
    root: RoleEntry,
    release: RoleEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleEntry {
    threshold: u32,
    keys: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PrivateKey;

    const TEXT: &str = r#"
        name = "pos-config"
        version = "2.4.1"
        counter = 17
        expires = 2027-03-01T00:00:00Z
        health = ["pos-answers"]
        [selector]
        sites = ["site-001"]
        labels = { ring = "canary" }
        [targets.pos-config]
        file = "pos.toml"
        template = true
        [targets.logo]
        file = "logo.png"
        [variables.port]
        type = "integer"
        min = 1
        max = 65535
        default = 8080
        [variables.mode]
        type = "choice"
        choices = ["live", "training"]
        required = true
        [variables.pin]
        type = "string"
        secret = true
    "#;

    fn build(text: &str, template: &'static str) -> Result<Built, BuildError> {
        release(text, 1_000, |path| match path.to_str() {
            Some("pos.toml") => Ok(template.as_bytes()),
            Some("logo.png") => Ok(&b"logo"[..]),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        })
    }

    #[test]
    fn a_directory_becomes_a_manifest_that_is_read_again() {
        let built = build(TEXT, "port = {{ port }}").unwrap();
        assert_eq!(Manifest::decode(&built.payload, Limits::default()).unwrap(), built.manifest);
        assert_eq!((built.manifest.counter, built.manifest.expires), (17, 1_803_859_200));
        let files: Vec<_> = built.artifacts.iter().map(|file| (file.target.as_str(), file.size)).collect();
        assert_eq!(files, [("logo", 4), ("pos-config", 17)]);
        assert_eq!(built.artifacts[0].sha256, Digest::of(b"logo"));
        assert_eq!(
            built.payload,
            build(TEXT, "port = {{ port }}").unwrap().payload,
            "the same files make the same bytes"
        );
    }

    #[test]
    fn a_mistake_shows_before_anybody_signs() {
        let fault = |text: &str, template| build(text, template).unwrap_err().to_string();
        assert!(
            fault(TEXT, "{{ prot }}")
                .contains("pos.toml: the template uses variables that the release does not have: prot")
        );
        for (from, to, part) in [
            ("counter = 17", "counter = 0", "counter"),
            ("counter = 17", "counter = 17\ncolour = 1", "colour"),
            ("T00:00:00Z", "", "expires: 2027-03-01 is no time"),
            ("logo.png", "nowhere", "can't read nowhere"),
            ("[targets.logo]", "[targets.'a/b']", "no name of a target"),
            ("max = 65535", "max = 0", "variable port: min is above max"),
            ("default = 8080", "default = 1.5", "variables.port: default must be"),
            ("secret = true", "secret = true\nmin = 1", "variables.pin: min and max are for integers"),
            ("secret = true", "secret = true\ndefault = '1'", "variable pin: a secret has no default"),
            ("choices = [\"live\", \"training\"]", "", "variables.mode: a choice needs choices"),
            (
                "[selector]",
                "mend_drift = true\n[targets.agent]\nfile = \"logo.png\"\n[selector]",
                "mend_drift can't be true",
            ),
        ] {
            assert!(TEXT.contains(from));
            let told = fault(&TEXT.replace(from, to), "");
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_release_that_says_nothing_of_drift_has_the_bytes_that_it_always_had() {
        let payload = |line: &str| {
            let text = TEXT.replace("counter = 17", &format!("counter = 17\n{line}"));
            build(&text, "port = {{ port }}").unwrap().payload
        };
        let (silent, mended) = (payload(""), payload("mend_drift = true"));
        assert_eq!(payload("mend_drift = false"), silent);
        // Field 12 at the end, and nothing else: an agent that does not know it installs the release all the same.
        assert_eq!(mended, [silent, vec![12 << 3, 1]].concat());
        assert!(Manifest::decode(&mended, Limits::default()).unwrap().mend_drift);
    }

    #[test]
    fn a_root_file_becomes_a_root() {
        let key = PrivateKey::generate().unwrap().public();
        let text = |threshold: u32, id: &str| {
            format!(
                "version = 1\nexpires = 2028-01-01T00:00:00Z\nkeys = ['{key}']\n\
                 [root]\nthreshold = {threshold}\nkeys = ['{id}']\n[release]\nthreshold = 1\nkeys = ['{id}']"
            )
        };
        let id = key.id().to_string();
        let made = root(&text(1, &id)).unwrap();
        assert_eq!((made.version, made.root.threshold, made.keys[&key.id()]), (1, 1, key));
        for (text, part) in [
            (text(2, &id), "role root: the threshold is above"),
            (text(0, &id), "role root: the threshold is 0"),
            (text(1, "xyz"), "root.keys: \"xyz\" is no id"),
            (text(1, &"0".repeat(16)), "names a key that the root does not have"),
            (text(1, &id).replace("homepot-ed25519 ", ""), "keys: a public key is one line"),
        ] {
            let told = root(&text).unwrap_err().to_string();
            assert!(told.contains(part), "{told}");
        }
    }
}
