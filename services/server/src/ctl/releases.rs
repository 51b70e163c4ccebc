//! `homepot ctl releases`.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use homepot::{model::CHUNK_BYTES, pb::rollout::v1 as pb};
use homepot_release::{Envelope, Kind, Manifest, build, manifest};
use serde_json::{Value, json};

use super::kit::{
    args::Limit,
    calls::{all, answer},
    out::{Out, note},
    progress::{Progress, Step},
    record::{Column, Record, column, key, wide},
    words,
};
use crate::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Action {
    /// Upload a signed release with its files. An upload that broke off is resumed.
    Upload {
        /// The signed release, such as prices/prices-17.release. Its release.toml and its files are found beside it.
        #[arg(value_name = "FILE")]
        path: PathBuf,
    },
    /// List releases, newest first.
    List {
        /// Only releases of this name.
        #[arg(long, default_value = "", hide_default_value = true)]
        name: String,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one release with its files.
    Get {
        /// The release.
        #[arg(value_name = "RELEASE_ID")]
        release_id: String,
    },
    /// Add a trust root: the keys by which devices know a release. Needs an admin of every site.
    Trust {
        /// The signed root, such as root.signed.
        #[arg(value_name = "FILE")]
        path: PathBuf,
    },
    /// List the trust roots, newest first.
    Roots {
        #[command(flatten)]
        limit: Limit,
    },
}

impl Record for pb::Release {
    const COLUMNS: &'static [Column<Self>] = &[
        column("RELEASE", |r, _| (&r.release_id).into()),
        key("NAME", |r, _| (&r.name).into()),
        column("VERSION", |r, _| (&r.version).into()),
        column("COUNTER", |r, _| r.counter.to_string().into()),
        column("FILES", |r, _| files(r).into()),
        column("UPLOADED", |r, style| style.time(&r.created_at)),
        column("BY", |r, _| (&r.created_by).into()),
        wide("EXPIRES", |r, style| style.time(&r.expires_at)),
        wide("MENDS DRIFT", |r, _| if r.mend_drift { "yes".into() } else { "no".into() }),
        wide("SIGNED BY", |r, _| r.key_ids.join(", ").into()),
        wide("SHA256", |r, _| (&r.sha256).into()),
    ];

    const NAME: Option<&'static str> = Some("release_id");

    fn json(&self) -> Value {
        let file = |file: &pb::ReleaseFile| json!({ "target": file.target, "sha256": file.sha256, "size": file.size, "template": file.template });
        json!({
            "release_id": self.release_id, "name": self.name, "version": self.version, "counter": self.counter,
            "files": self.files.iter().map(file).collect::<Vec<_>>(), "expires_at": words::time(&self.expires_at),
            "key_ids": self.key_ids, "sha256": self.sha256, "created_by": self.created_by,
            "created_at": words::time(&self.created_at), "mend_drift": self.mend_drift,
        })
    }
}

fn files(release: &pb::Release) -> String {
    release.files.iter().map(|file| file.target.as_str()).collect::<Vec<_>>().join(", ")
}

impl Record for pb::TrustRoot {
    const COLUMNS: &'static [Column<Self>] = &[
        key("VERSION", |r, _| r.version.to_string().into()),
        column("EXPIRES", |r, style| style.time(&r.expires_at)),
        column("RELEASES SIGNED BY", |r, _| role(r.release_threshold, &r.release_key_ids).into()),
        column("ROOTS SIGNED BY", |r, _| role(r.root_threshold, &r.root_key_ids).into()),
        column("ADDED", |r, style| style.time(&r.created_at)),
        column("BY", |r, _| (&r.created_by).into()),
    ];

    const NAME: Option<&'static str> = Some("version");

    fn json(&self) -> Value {
        json!({
            "version": self.version, "expires_at": words::time(&self.expires_at),
            "root_key_ids": self.root_key_ids, "root_threshold": self.root_threshold,
            "release_key_ids": self.release_key_ids, "release_threshold": self.release_threshold,
            "created_by": self.created_by, "created_at": words::time(&self.created_at),
        })
    }
}

fn role(threshold: u32, key_ids: &[String]) -> String {
    format!("{threshold} of {}", key_ids.join(", "))
}

pub(super) async fn run(client: &Client, out: &Out, action: Action) -> anyhow::Result<ExitCode> {
    let mut releases = client.releases();
    match action {
        Action::Upload { path } => {
            let (release, existed) = upload(client, &path).await?;
            if existed {
                note("this release was there already");
            }
            out.changed(&release, &[("existed", existed.into())])?;
        }
        Action::List { name, limit } => {
            let list = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListReleasesRequest { name: name.clone(), page_size, page_token };
                let page = releases.list_releases(request).await?.into_inner();
                Ok((page.releases, page.next_page_token))
            });
            out.list(&list.await?)?;
        }
        Action::Get { release_id } => {
            let found = answer(releases.get_release(pb::GetReleaseRequest { release_id }).await)?;
            out.detail(&found.release.unwrap_or_default())?;
        }
        Action::Trust { path } => {
            let signed_root = signed(&path, Kind::Root)?.encode();
            let added = answer(releases.add_trust_root(pb::AddTrustRootRequest { signed_root }).await)?;
            out.changed(&added.root.unwrap_or_default(), &[])?;
        }
        Action::Roots { limit } => {
            let list = all(limit.limit, async |page_size, page_token| {
                let request = pb::ListTrustRootsRequest { page_size, page_token };
                let page = releases.list_trust_roots(request).await?.into_inner();
                Ok((page.roots, page.next_page_token))
            });
            out.list(&list.await?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads what somebody has signed.
fn signed(path: &Path, kind: Kind) -> anyhow::Result<Envelope> {
    let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
    let envelope = Envelope::decode(&bytes).with_context(|| path.display().to_string())?;
    anyhow::ensure!(envelope.kind() == Some(kind), "{} is no {kind}", path.display());
    let is_signed = !envelope.signers().is_empty();
    anyhow::ensure!(is_signed, "nobody has signed {} yet: homepot sign {0} --key KEY", path.display());
    Ok(envelope)
}

async fn upload(client: &Client, path: &Path) -> anyhow::Result<(pb::Release, bool)> {
    let envelope = signed(path, Kind::Release)?;
    let release = Manifest::decode(envelope.payload(), manifest::Limits::default())?;
    let directory = path.parent().unwrap_or(Path::new(""));
    let text = directory.join("release.toml");
    let described = fs::read_to_string(&text).with_context(|| format!("can't read {}", text.display()))?;
    let built = build::release(&described, release.created, |file| File::open(directory.join(file)))
        .with_context(|| text.display().to_string())?;
    for file in &release.files {
        let found = built.artifacts.iter().find(|artifact| artifact.sha256 == file.sha256);
        let artifact = found.with_context(|| {
            format!("the file for the target {} is not what was signed: build and sign the release again", file.target)
        })?;
        send(client, &directory.join(&artifact.path), file)
            .await
            .with_context(|| format!("the file for the target {}", file.target))?;
    }
    let request = pb::CreateReleaseRequest { signed_release: envelope.encode() };
    let created = answer(client.releases().create_release(request).await)?;
    Ok((created.release.unwrap_or_default(), created.existed))
}

/// Sends what the server lacks of a file, and shows how far it is.
async fn send(client: &Client, path: &Path, file: &manifest::File) -> anyhow::Result<()> {
    let (sha256, size) = (file.sha256.to_string(), u32::try_from(file.size).context("is too large")?);
    let mut source = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
    let (mut progress, mut offset, mut buffer) = (Progress::new(), 0, vec![0; CHUNK_BYTES as usize]);
    loop {
        let length = CHUNK_BYTES.min(size.saturating_sub(offset)) as usize;
        source.seek(SeekFrom::Start(offset.into()))?;
        source.read_exact(&mut buffer[..length]).with_context(|| format!("can't read {}", path.display()))?;
        let data = buffer[..length].to_vec();
        let request = pb::UploadArtifactRequest { sha256: sha256.clone(), size, offset, data };
        let artifact = answer(client.releases().upload_artifact(request).await)?.artifact.unwrap_or_default();
        let words = format!("{} of {size} bytes of {}", artifact.received, file.target);
        progress.tell(Step { done: artifact.received, total: size, state: String::new(), words });
        if artifact.complete {
            progress.end();
            return Ok(());
        }
        offset = artifact.received;
    }
}
