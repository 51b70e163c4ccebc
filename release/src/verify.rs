//! Whether a release may be installed on a device.

use std::collections::BTreeMap;

use crate::{
    Digest, Envelope, Manifest, Refused, TrustedRoot,
    manifest::{Limits, Selector},
};

/// What a device knows about a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The highest counter that ever was put in place there, and the digest of its manifest.
    pub highest: Option<(u64, Digest)>,
    /// The digest of the manifest that is in place. It may have a lower counter, after a newer release was rolled back, and may be
    /// installed again: to mend a file that somebody changed is not to go back.
    pub installed: Option<Digest>,
}

/// The device that a release is meant for. All of this comes from the device itself, never from the server.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// Its id.
    pub id: String,
    /// Its site.
    pub site: String,
    /// Its type.
    pub device_type: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it knows about its targets, by their names. It is kept on disk, or an older release could come back after a restart.
    pub known: BTreeMap<String, Known>,
    /// How much it takes.
    pub limits: Limits,
}

/// A release whose signatures, time and content are good, for whatever device. Servers stop here.
#[derive(Clone, Debug)]
pub struct SignedManifest {
    manifest: Manifest,
    digest: Digest,
}

/// A release that may be installed on the device that checked it. Only [`verify`] and [`SignedManifest::for_device`] make one.
#[derive(Clone, Debug)]
pub struct VerifiedManifest(SignedManifest);

/// Checks all that has to hold before `envelope` may be installed on `device` at `now` (Unix seconds).
///
/// `now` is the device's own clock, or a later time that it has seen: a server that could turn it back could offer what has expired.
pub fn verify(root: &TrustedRoot, envelope: &[u8], device: &Device, now: u64) -> Result<VerifiedManifest, Refused> {
    SignedManifest::open(root, envelope, device.limits, now)?.for_device(device)
}

impl SignedManifest {
    /// Checks signatures, time and content at `now` (Unix seconds).
    pub fn open(root: &TrustedRoot, envelope: &[u8], limits: Limits, now: u64) -> Result<Self, Refused> {
        let opened = Envelope::decode(envelope)?;
        root.check_release(&opened)?;
        root.check_time(now)?;
        let manifest = Manifest::decode(opened.payload(), limits)?;
        if now >= manifest.expires {
            return Err(Refused::Expired(manifest.expires));
        }
        Ok(Self { manifest, digest: Digest::of(opened.payload()) })
    }

    /// Checks that it is for this device, and no older than what the device has had.
    pub fn for_device(self, device: &Device) -> Result<VerifiedManifest, Refused> {
        check_selector(&self.manifest.selector, device)?;
        let counter = self.manifest.counter;
        for file in &self.manifest.files {
            let known = device.known.get(&file.target).cloned().unwrap_or_default();
            if known.installed == Some(self.digest) {
                continue;
            }
            let target = file.target.clone();
            match known.highest {
                Some((highest, _)) if counter < highest => {
                    return Err(Refused::Older { target, counter, known: highest });
                }
                Some((highest, digest)) if counter == highest && digest != self.digest => {
                    return Err(Refused::CounterReused { target, counter });
                }
                _ => {}
            }
        }
        Ok(VerifiedManifest(self))
    }

    /// What it says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of the signed bytes, which names the release. It is the same whoever signs.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl VerifiedManifest {
    /// What it says.
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// The digest of the signed bytes, which names the release. It is the same whoever signs.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }
}

fn check_selector(selector: &Selector, device: &Device) -> Result<(), Refused> {
    let allows = |list: &[String], own: &String| list.is_empty() || list.contains(own);
    let fault = if !allows(&selector.devices, &device.id) {
        "id"
    } else if !allows(&selector.sites, &device.site) {
        "site"
    } else if !allows(&selector.device_types, &device.device_type) {
        "type"
    } else if !selector.labels.iter().all(|(name, value)| device.labels.get(name) == Some(value)) {
        "labels"
    } else {
        return Ok(());
    };
    Err(Refused::NotForThisDevice(fault))
}
