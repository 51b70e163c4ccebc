//! Somebody who makes releases: a key of its own, and all that is signed with it.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use homepot::pb::{
    device::v1::{
        DesiredRelease, UpdateAction, UpdateReport, UpdateReportAck, attach_request::Message as Up,
        attach_response::Message as Down,
    },
    rollout::v1::{
        AddTrustRootRequest, CreateReleaseRequest, DeviceTarget, Release, UpdateState, UploadArtifactRequest,
    },
};
use homepot_release::{Digest, Envelope, Kind, Manifest, PrivateKey, build, manifest::Limits};

use crate::{Session, System, grpc::DeviceKey, hello};

/// Somebody who makes releases, with a key of its own.
#[derive(Debug)]
pub struct Publisher {
    key: PrivateKey,
    version: AtomicU64,
    counter: AtomicU64,
}

impl Default for Publisher {
    fn default() -> Self {
        Self {
            key: PrivateKey::generate().expect("the system has random bytes"),
            version: AtomicU64::new(0),
            counter: AtomicU64::new(0),
        }
    }
}

impl Publisher {
    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The next root, signed: one key for everything.
    pub fn next_root(&self) -> Vec<u8> {
        let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
        let (public, id) = (self.key.public().to_string(), self.key.public().id());
        let text = format!(
            "version = {version}\nexpires = 2999-01-01T00:00:00Z\nkeys = [\"{public}\"]\n\
             [root]\nthreshold = 1\nkeys = [\"{id}\"]\n[release]\nthreshold = 1\nkeys = [\"{id}\"]\n"
        );
        let root = build::root(&text).expect("the root is whole");
        self.signed(Kind::Root, root.encode())
    }

    /// A release of the next counter that brings `content` to each of `targets`, signed.
    pub fn release(&self, name: &str, targets: &[&str], content: &[u8]) -> Vec<u8> {
        self.signed(Kind::Release, self.release_payload(name, targets, content))
    }

    /// What is signed of such a release.
    pub fn release_payload(&self, name: &str, targets: &[&str], content: &[u8]) -> Vec<u8> {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let mut text = format!(
            "name = \"{name}\"\nversion = \"{counter}\"\ncounter = {counter}\nexpires = 2999-01-01T00:00:00Z\n"
        );
        for target in targets {
            text += &format!("[targets.{target}]\nfile = \"content\"\n");
        }
        build::release(&text, 1, |_: &Path| Ok(content)).expect("the release is whole").payload
    }

    /// Gives the server a release of one template, with these `[variables]`.
    pub async fn publish_template(&self, server: &System, target: &str, template: &[u8], variables: &str) -> Release {
        let rest = format!("[targets.{target}]\nfile = \"template\"\ntemplate = true\n{variables}");
        self.publish_with(server, target, template, &rest).await
    }

    /// Gives the server a release of one file with which devices mend drift.
    pub async fn publish_mended(&self, server: &System, target: &str, content: &[u8]) -> Release {
        let rest = format!("mend_drift = true\n[targets.{target}]\nfile = \"content\"\n");
        self.publish_with(server, target, content, &rest).await
    }

    /// Gives the server a release that is called `name`, with `rest` of its `release.toml`; `content` is that of each of its files.
    pub async fn publish_with(&self, server: &System, name: &str, content: &[u8], rest: &str) -> Release {
        upload(server, content).await;
        let counter = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        let text = format!(
            "name = \"{name}\"\nversion = \"{counter}\"\ncounter = {counter}\nexpires = 2999-01-01T00:00:00Z\n{rest}"
        );
        let built = build::release(&text, 1, |_: &Path| Ok(content)).expect("the release is whole");
        let request = CreateReleaseRequest { signed_release: self.signed(Kind::Release, built.payload) };
        let answer = server.admin().releases.create_release(request).await.expect("the admin may create a release");
        answer.into_inner().release.expect("what was created")
    }

    /// Bytes with this publisher's signature.
    pub fn signed(&self, kind: Kind, payload: Vec<u8>) -> Vec<u8> {
        let mut envelope = Envelope::new(kind, payload);
        envelope.sign(kind, &self.key).expect("what is made is signed");
        envelope.encode()
    }

    /// Gives the server a root, and keeps the first one in `file`, for agents.
    pub async fn introduce(&self, server: &System, file: Option<&Path>) {
        let signed_root = self.next_root();
        if let Some(file) = file {
            fs::write(file, &signed_root).expect("the root is kept");
        }
        let request = AddTrustRootRequest { signed_root };
        server.admin().releases.add_trust_root(request).await.expect("the admin may add a root");
    }

    /// Gives the server a release of one file.
    pub async fn publish(&self, server: &System, name: &str, target: &str, content: &[u8]) -> Release {
        upload(server, content).await;
        let request = CreateReleaseRequest { signed_release: self.release(name, &[target], content) };
        let answer = server.admin().releases.create_release(request).await.expect("the admin may create a release");
        answer.into_inner().release.expect("what was created")
    }
}

/// Gives the server a file; answers its digest.
pub async fn upload(server: &System, content: &[u8]) -> String {
    let sha256 = Digest::of(content).to_string();
    let size = u32::try_from(content.len()).expect("a small file");
    let part = homepot::model::CHUNK_BYTES as usize;
    for (number, data) in content.chunks(part).enumerate() {
        let offset = u32::try_from(number * part).expect("a small file");
        let request = UploadArtifactRequest { sha256: sha256.clone(), size, offset, data: data.to_vec() };
        server.admin().releases.upload_artifact(request).await.expect("the admin may upload");
    }
    sha256
}

/// A device that takes releases, played by the test: it says what it is told to say.
#[derive(Debug)]
pub struct Updated {
    /// Its stream.
    pub session: Session,
    /// Whether it says that it knows how to wait.
    pub can_wait: bool,
    target: String,
    /// The digest of what it was last told to have there.
    wanted: String,
    /// What it was told to have while it waited for something else.
    told: VecDeque<DesiredRelease>,
}

impl Updated {
    /// Attaches, and says that `target` has nothing.
    pub async fn attach(server: &System, key: &DeviceKey, target: &str) -> Self {
        let mut session = Session::open(server, key).await.expect("a good key opens the stream");
        let mut hello = hello();
        hello.takes_releases = true;
        session.send(Up::Hello(hello)).await;
        session.expect("Welcome", |message| matches!(message, Down::Welcome(_)).then_some(())).await;
        let (told, wanted) = (VecDeque::new(), String::new());
        let mut device = Self { session, can_wait: true, target: target.to_owned(), wanted, told };
        device.report(0, UpdateState::Unspecified, "").await;
        device
    }

    /// Says how far it is, and waits until that is durable; answers whether it may go on.
    pub async fn report(&mut self, generation: u64, state: UpdateState, reason: &str) -> bool {
        self.ask(generation, state, reason).await.action() == UpdateAction::Install
    }

    /// Says how far it is; answers what it is to do by now.
    pub async fn ask(&mut self, generation: u64, state: UpdateState, reason: &str) -> UpdateReportAck {
        self.say(generation, state, reason).await;
        loop {
            match self.session.next().await.expect("the stream goes on") {
                Down::UpdateReportAck(ack) if ack.generation == generation && ack.state() == state => return ack,
                Down::DesiredRelease(desired) => self.told.push_back(desired),
                _ => {}
            }
        }
    }

    /// Says how far it is.
    pub async fn say(&self, generation: u64, state: UpdateState, reason: &str) {
        let sha256 = if state == UpdateState::Confirmed { self.wanted.clone() } else { String::new() };
        let target = DeviceTarget { target: self.target.clone(), sha256, ..Default::default() };
        let report = UpdateReport {
            generation,
            state: state.into(),
            targets: vec![target],
            reason: reason.to_owned(),
            can_wait: self.can_wait,
            ..Default::default()
        };
        self.session.send(Up::UpdateReport(report)).await;
    }

    /// What it is told to have next.
    pub async fn desired(&mut self) -> DesiredRelease {
        let desired = match self.told.pop_front() {
            Some(told) => told,
            None => {
                let wanted = |message: &_| match message {
                    Down::DesiredRelease(desired) => Some(DesiredRelease::clone(desired)),
                    _ => None,
                };
                self.session.expect("what it should have", wanted).await
            }
        };
        if desired.action() == UpdateAction::Install {
            let envelope = Envelope::decode(&desired.signed_release).expect("what the server sends was signed");
            let manifest = Manifest::decode(envelope.payload(), Limits::default()).expect("a release is a manifest");
            let file = manifest.files.iter().find(|file| file.target == self.target);
            self.wanted = file.map(|file| file.sha256.to_string()).unwrap_or_default();
        }
        desired
    }
}
