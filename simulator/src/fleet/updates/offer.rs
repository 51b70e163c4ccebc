//! A release for one device: what it has to fetch, a part at a time. Of a file only a running digest is kept; of a template, which is
//! small, the text too, since what counts is what it makes.

use std::{collections::BTreeMap, time::Duration};

use homepot::{model::CHUNK_BYTES, pb::device::v1 as pb};
use homepot_agent::protocol::values;
use homepot_release::{CheckedValues, Digest, VerifiedManifest, digest::Hasher, manifest::File, render};
use tokio::time::Instant;

use super::kept::Pending;

/// A file that comes wrong so often ends the release.
const TRIES: u32 = 3;
const RETRY: Duration = Duration::from_secs(1);
const MOST_RETRY: Duration = Duration::from_secs(60);

/// A release that is fetched.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) ticket: String,
    pub(super) pending: Pending,
    /// Bytes that came.
    pub(super) fetched: u64,
    files: Vec<File>,
    /// What the targets hold, which need not come.
    there: BTreeMap<String, String>,
    values: CheckedValues,
    /// The file that is fetched now.
    at: usize,
    offset: u64,
    hasher: Hasher,
    text: Vec<u8>,
    wrong: u32,
    failures: u32,
    /// Not before then is the next part asked for.
    not_before: Instant,
}

impl Offer {
    /// A release of which nothing was fetched, for a device whose targets hold `there`.
    pub(super) fn new(
        desired: &pb::DesiredRelease,
        manifest: &VerifiedManifest,
        is_good: bool,
        there: BTreeMap<String, String>,
        now: Instant,
    ) -> Result<Self, String> {
        let digest = manifest.digest().to_string();
        let manifest = manifest.manifest();
        let mut offer = Self {
            ticket: desired.transfer_ticket.clone(),
            pending: Pending { counter: manifest.counter, manifest: digest, files: BTreeMap::new(), is_good },
            fetched: 0,
            files: manifest.files.clone(),
            there,
            values: values::read(&manifest.variables, &desired.values)?,
            at: 0,
            offset: 0,
            hasher: Hasher::new(),
            text: Vec::new(),
            wrong: 0,
            failures: 0,
            not_before: now,
        };
        offer.pass_over()?;
        Ok(offer)
    }

    /// Whether all of it is there.
    pub(super) fn is_complete(&self) -> bool {
        self.at >= self.files.len()
    }

    /// When the next part may be asked for.
    pub(super) fn due(&self) -> Instant {
        self.not_before
    }

    /// The next part to ask for.
    pub(super) fn wanted(&self) -> Option<pb::FetchArtifactRequest> {
        let file = self.files.get(self.at)?;
        let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Some(pb::FetchArtifactRequest {
            ticket: self.ticket.clone(),
            sha256: file.sha256.to_string(),
            offset: small(self.offset),
            length: small(file.size.saturating_sub(self.offset)).clamp(1, CHUNK_BYTES),
        })
    }

    /// A part came. The line is busy with it until `free_at`.
    pub(super) fn came(&mut self, part: &[u8], free_at: Instant) -> Result<(), String> {
        let Some(file) = self.files.get(self.at) else { return Ok(()) };
        self.failures = 0;
        self.not_before = free_at;
        self.hasher.update(part);
        if file.template {
            self.text.extend_from_slice(part);
        }
        self.offset += part.len() as u64;
        self.fetched += part.len() as u64;
        if self.offset < file.size && !part.is_empty() {
            return Ok(());
        }
        let (hasher, text) = (std::mem::take(&mut self.hasher), std::mem::take(&mut self.text));
        if self.offset != file.size || hasher.finish() != file.sha256 {
            self.fetched -= self.offset;
            self.offset = 0;
            self.wrong += 1;
            let told = format!("the file for the target {} came wrong {TRIES} times", file.target);
            return if self.wrong < TRIES { Ok(()) } else { Err(told) };
        }
        let sha256 = if file.template {
            let rendered = render::render(&text, &self.values).map_err(|error| error.to_string())?;
            Digest::of(&rendered)
        } else {
            file.sha256
        };
        self.pending.files.insert(file.target.clone(), sha256.to_string());
        (self.at, self.offset, self.wrong) = (self.at + 1, 0, 0);
        self.pass_over()
    }

    /// A part did not come: it is asked for again, ever more rarely.
    pub(super) fn failed(&mut self, now: Instant) {
        self.not_before = now + RETRY.saturating_mul(1 << self.failures.min(6)).min(MOST_RETRY);
        self.failures += 1;
    }

    /// Goes on to the next file that has to come: not one that is there, or that came for another target.
    fn pass_over(&mut self) -> Result<(), String> {
        while let Some(file) = self.files.get(self.at).filter(|file| !file.template) {
            let sha256 = file.sha256.to_string();
            let is_empty = file.size == 0;
            if !is_empty && self.there.get(&file.target) != Some(&sha256) {
                let came = self.files[..self.at].iter().any(|other| !other.template && other.sha256 == file.sha256);
                if !came {
                    break;
                }
            }
            if is_empty && Digest::of(&[]) != file.sha256 {
                return Err(format!("the file for the target {} can't have that digest", file.target));
            }
            self.pending.files.insert(file.target.clone(), sha256);
            self.at += 1;
        }
        Ok(())
    }
}
