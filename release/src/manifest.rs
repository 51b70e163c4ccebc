//! The manifest of a release: what people sign.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use crate::{
    Digest, Refused,
    value::{self, Variable},
    wire,
};

/// The most files, variables and names of checks.
const MAX_ITEMS: usize = 256;
/// The most letters of a name.
const MAX_NAME: usize = 64;
/// The most letters of a site, a label or the like.
const MAX_TEXT: usize = 128;
/// The target that is the agent itself, on devices whose configuration allows it.
pub const AGENT: &str = "agent";

/// How much a device takes, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest file.
    pub file: u64,
    /// All files of a release together.
    pub release: u64,
    /// The largest template. Templates are rendered in memory.
    pub template: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: 64 << 20, release: 256 << 20, template: 64 << 10 }
    }
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The name that the agent's configuration has for the place where it goes.
    pub target: String,
    /// The digest of its bytes; of a template, before it is rendered.
    pub sha256: Digest,
    /// Its size in bytes; of a template, before it is rendered.
    pub size: u64,
    /// Whether the values of variables are put into it on the device.
    pub template: bool,
}

/// The devices that a release is for. An empty list allows all; a device has to meet each that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// At one of these sites.
    pub sites: Vec<String>,
    /// With all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Of one of these types.
    pub device_types: Vec<String>,
    /// One of these devices.
    pub devices: Vec<String>,
}

/// The content of a release. It is not to be believed before [`crate::verify`] has made a
/// [`VerifiedManifest`](crate::VerifiedManifest) of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The release's name, such as `pos-config`.
    pub name: String,
    /// Its version, for people.
    pub version: String,
    /// Goes up from release to release: a device never goes back to a lower one.
    pub counter: u64,
    /// When it was made, in Unix seconds.
    pub created: u64,
    /// When it expires, in Unix seconds: it is not installed after that, and what is installed stays.
    pub expires: u64,
    /// The devices that it is for.
    pub selector: Selector,
    /// Its files, one for each target.
    pub files: Vec<File>,
    /// What its templates need.
    pub variables: Vec<Variable>,
    /// Checks of the agent's configuration that have to pass before files are put in place.
    pub validators: Vec<String>,
    /// Checks of the agent's configuration that have to pass afterwards.
    pub health: Vec<String>,
    /// Whether a target that something else changes afterwards gets the release's file again. The server offers the release once more.
    pub mend_drift: bool,
}

impl Manifest {
    /// The bytes to sign.
    pub fn encode(&self) -> Vec<u8> {
        let file = |file: &File| wire::File {
            target: file.target.clone(),
            sha256: file.sha256.as_bytes().to_vec(),
            size: file.size,
            template: file.template,
        };
        let selector = self.selector.clone();
        wire::Manifest {
            format: wire::FORMAT,
            name: self.name.clone(),
            version: self.version.clone(),
            counter: self.counter,
            created: self.created,
            expires: self.expires,
            selector: Some(wire::Selector {
                sites: selector.sites,
                labels: selector.labels,
                device_types: selector.device_types,
                devices: selector.devices,
            }),
            files: self.files.iter().map(file).collect(),
            variables: self.variables.iter().map(value::to_wire).collect(),
            validators: self.validators.clone(),
            health: self.health.clone(),
            mend_drift: self.mend_drift,
        }
        .encode_to_vec()
    }

    /// Reads the payload of an envelope and checks all that needs neither a signature nor a clock.
    pub fn decode(payload: &[u8], limits: Limits) -> Result<Self, Refused> {
        let wire = wire::Manifest::decode(payload).map_err(|_| Refused::malformed("not a manifest"))?;
        if wire.format > wire::FORMAT {
            return Err(Refused::UnknownFormat(wire.format));
        }
        let selector = wire.selector.unwrap_or_default();
        let manifest = Self {
            name: wire.name,
            version: wire.version,
            counter: wire.counter,
            created: wire.created,
            expires: wire.expires,
            selector: Selector {
                sites: selector.sites,
                labels: selector.labels,
                device_types: selector.device_types,
                devices: selector.devices,
            },
            files: wire.files.into_iter().map(read_file).collect::<Result<_, _>>()?,
            variables: wire
                .variables
                .into_iter()
                .map(value::from_wire)
                .collect::<Result<_, _>>()
                .map_err(Refused::Malformed)?,
            validators: wire.validators,
            health: wire.health,
            mend_drift: wire.mend_drift,
        };
        if wire.format == 0 {
            return Err(Refused::malformed("a manifest needs a format"));
        }
        manifest.check(limits)?;
        Ok(manifest)
    }

    /// Checks the content: names, bounds and sizes.
    pub fn check(&self, limits: Limits) -> Result<(), Refused> {
        let fault = |fault: &str| Err(Refused::malformed(fault));
        if !is_name(&self.name) {
            return fault("name must be 1 to 64 of a to z, 0 to 9 and -");
        }
        if !is_text(&self.version, MAX_NAME) {
            return fault("version must be 1 to 64 characters, none of them a control character");
        }
        if self.counter == 0 || self.created == 0 || self.expires <= self.created {
            return fault("counter and created must be above 0, and expires after created");
        }
        let Selector { sites, labels, device_types, devices } = &self.selector;
        let chosen = [sites, device_types, devices].into_iter().flatten().chain(labels.keys()).chain(labels.values());
        if chosen.clone().count() > 4 * MAX_ITEMS || !chosen.into_iter().all(|text| is_text(text, MAX_TEXT)) {
            return fault("a selector holds at most 1,024 texts of 1 to 128 characters");
        }
        let counts = [self.files.len(), self.variables.len(), self.validators.len(), self.health.len()];
        if counts.iter().any(|count| *count > MAX_ITEMS) {
            return fault("a release has at most 256 files, 256 variables and 256 checks of each kind");
        }
        if let Some(bad) = self.validators.iter().chain(&self.health).find(|name| !is_name(name)) {
            return Err(Refused::Malformed(format!("{bad:?} is no name of a check: 1 to 64 of a to z, 0 to 9 and -")));
        }
        self.check_files(limits)?;
        if self.mend_drift && self.files.iter().any(|file| file.target == AGENT) {
            // An upgrade of the installed package goes before a release, and would be undone.
            return fault("mend_drift can't be true in a release of the target agent");
        }
        value::check_variables(&self.variables).map_err(Refused::Malformed)
    }

    fn check_files(&self, limits: Limits) -> Result<(), Refused> {
        if self.files.is_empty() {
            return Err(Refused::NoFiles);
        }
        let (mut targets, mut total) = (BTreeSet::new(), 0_u64);
        for File { target, size, template, .. } in &self.files {
            if !is_name(target) {
                return Err(Refused::BadTarget(target.chars().take(MAX_NAME).collect()));
            }
            if !targets.insert(target) {
                return Err(Refused::DuplicateTarget(target.clone()));
            }
            let limit = if *template { limits.template.min(limits.file) } else { limits.file };
            if *size > limit {
                return Err(Refused::FileTooLarge { target: target.clone(), size: *size, limit });
            }
            total = total
                .checked_add(*size)
                .filter(|total| *total <= limits.release)
                .ok_or(Refused::ReleaseTooLarge(limits.release))?;
        }
        Ok(())
    }
}

fn read_file(file: wire::File) -> Result<File, Refused> {
    let sha256 = Digest::from_bytes(&file.sha256).ok_or_else(|| Refused::malformed("a file's sha256 has 32 bytes"))?;
    Ok(File { target: file.target, sha256, size: file.size, template: file.template })
}

/// Whether `name` may name a release, a target or a check: nothing in it can be part of a path or of a command line.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_text(text: &str, limit: usize) -> bool {
    (1..=limit).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
