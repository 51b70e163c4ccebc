//! `homepot release` and `homepot sign`: what people do with their keys. None of it needs a server, and no server ever sees a
//! private key.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use homepot_release::{
    Digest, Envelope, Kind, Manifest, PrivateKey, build,
    key::write_new_file,
    manifest::Limits,
    root::{Role, Root},
};

use crate::terminal::{say, wall_clock};

/// The signed release in the directory that `build` makes.
pub(crate) const SIGNED: &str = "release.signed";
/// Where that directory has the files, each named by its digest.
pub(crate) const FILES: &str = "files";

pub(crate) const AFTER_HELP: &str = "\
The way of a release:

  homepot release key release-key.pem          once for each person who signs; keep the file offline
  homepot release root root.toml root.signed   which keys devices trust; every device and the server get it
  homepot sign root.signed --key root-key.pem
  homepot release build release.toml out/      a directory with the files, and what is to be signed
  homepot sign out/release.signed --key release-key.pem
  homepot ctl releases upload out/
  homepot ctl rollouts start RELEASE_ID --site SITE_ID

docs/updates.md explains each step and the two TOML files.";

/// What to make.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ReleaseAction {
    /// Make a key to sign with: a private key in a new file that only you can read, and its public half beside it.
    Key {
        /// The new file, such as release-key.pem. The public key goes to the same path with .pub behind it.
        #[arg(value_name = "FILE")]
        path: PathBuf,
    },
    /// Make a trust root to sign: the keys that devices trust, and how many of them have to sign.
    Root {
        /// What the root is to say, in TOML.
        #[arg(value_name = "ROOT_TOML")]
        text: PathBuf,
        /// The file to write, such as root.signed.
        #[arg(value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a release to sign, from a TOML file and the files it names.
    Build {
        /// What the release is to say, in TOML. The files it names are found beside it.
        #[arg(value_name = "RELEASE_TOML")]
        text: PathBuf,
        /// The directory to make.
        #[arg(value_name = "DIRECTORY")]
        out: PathBuf,
    },
    /// Show what a root or a release says, and which keys signed it. It does not check the signatures.
    Show {
        /// The file, such as out/release.signed.
        #[arg(value_name = "FILE")]
        path: PathBuf,
    },
}

/// What to sign, and with what.
#[derive(Debug, clap::Args)]
pub(crate) struct SignArgs {
    /// The file to sign: a root, or release.signed of a release. The signature is added to it.
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// The private key, as `homepot release key` made it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

pub(crate) fn run(action: ReleaseAction) -> anyhow::Result<()> {
    match action {
        ReleaseAction::Key { path } => make_key(&path),
        ReleaseAction::Root { text, out } => make_root(&text, &out),
        ReleaseAction::Build { text, out } => make_release(&text, &out),
        ReleaseAction::Show { path } => show(&read_envelope(&path)?),
    }
}

fn make_key(path: &Path) -> anyhow::Result<()> {
    let key = PrivateKey::generate()?;
    write_new_file(path, &key).with_context(|| format!("can't write {}", path.display()))?;
    let public = PathBuf::from(format!("{}.pub", path.display()));
    fs::write(&public, format!("{}\n", key.public())).with_context(|| format!("can't write {}", public.display()))?;
    say(format_args!("The private key is in {}. Keep it offline, and keep a copy.", path.display()));
    say(format_args!("The public key, for root.toml:\n{}", key.public()));
    Ok(())
}

fn make_root(text: &Path, out: &Path) -> anyhow::Result<()> {
    let root = build::root(&read_text(text)?).with_context(|| text.display().to_string())?;
    write_new(out, &Envelope::new(Kind::Root, root.encode()).encode())?;
    say(format_args!("Root {} is in {}.", root.version, out.display()));
    say(format_args!(
        "{} of its root keys have to sign it, and as many as the root before it asks for: homepot sign {} --key KEY",
        root.root.threshold,
        out.display()
    ));
    Ok(())
}

fn make_release(text: &Path, out: &Path) -> anyhow::Result<()> {
    let beside = text.parent().unwrap_or(Path::new("")).to_owned();
    let now = u64::try_from(wall_clock().timestamp()).unwrap_or_default();
    let open = |path: &Path| File::open(beside.join(path));
    let built = build::release(&read_text(text)?, now, open).with_context(|| text.display().to_string())?;
    fs::create_dir(out).with_context(|| format!("can't make the directory {}", out.display()))?;
    let files = out.join(FILES);
    fs::create_dir(&files).with_context(|| format!("can't make the directory {}", files.display()))?;
    for artifact in &built.artifacts {
        let (from, to) = (beside.join(&artifact.path), files.join(artifact.sha256.to_string()));
        fs::copy(&from, &to).with_context(|| format!("can't copy {} to {}", from.display(), to.display()))?;
        let copied = File::open(&to).and_then(Digest::of_reader).with_context(|| to.display().to_string())?;
        anyhow::ensure!(copied == (artifact.sha256, artifact.size), "{} changed meanwhile", from.display());
    }
    write_new(&out.join(SIGNED), &Envelope::new(Kind::Release, built.payload).encode())?;
    tell_release(&built.manifest);
    say(format_args!("To sign it: homepot sign {} --key KEY", out.join(SIGNED).display()));
    Ok(())
}

pub(crate) fn sign(args: &SignArgs) -> anyhow::Result<()> {
    let SignArgs { path, key } = args;
    let private = PrivateKey::from_pem(&read_text(key)?).with_context(|| key.display().to_string())?;
    let mut envelope = read_envelope(path)?;
    let kind = kind_of(&envelope)?;
    show(&envelope)?;
    envelope.sign(kind, &private)?;
    replace(path, &envelope.encode())?;
    say(format_args!(
        "Signed with {}. {} now has {} signature(s).",
        private.public().id(),
        path.display(),
        envelope.signers().len()
    ));
    Ok(())
}

fn kind_of(envelope: &Envelope) -> anyhow::Result<Kind> {
    envelope.kind().context("it is neither a root nor a release")
}

fn show(envelope: &Envelope) -> anyhow::Result<()> {
    match kind_of(envelope)? {
        Kind::Root => tell_root(&Root::decode(envelope.payload())?),
        Kind::Release => tell_release(&Manifest::decode(envelope.payload(), Limits::default())?),
    }
    match &envelope.signers()[..] {
        [] => say("  signed by   nobody yet"),
        signers => say(format_args!("  signed by   {}", listed(signers))),
    }
    Ok(())
}

fn tell_root(root: &Root) {
    say(format_args!("Root {}", root.version));
    say(format_args!("  expires     {}", time(root.expires)));
    let role = |role: &Role| format!("{} of {}", role.threshold, listed(&role.keys));
    say(format_args!("  next root   {}", role(&root.root)));
    say(format_args!("  releases    {}", role(&root.release)));
}

fn tell_release(manifest: &Manifest) {
    say(format_args!("Release {} {}, counter {}", manifest.name, manifest.version, manifest.counter));
    say(format_args!("  expires     {}", time(manifest.expires)));
    let selector = &manifest.selector;
    let labels: Vec<_> = selector.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    for (what, which) in [
        ("sites", &selector.sites),
        ("labels", &labels),
        ("types", &selector.device_types),
        ("devices", &selector.devices),
    ] {
        if !which.is_empty() {
            say(format_args!("  for {what:<8}{}", which.join(", ")));
        }
    }
    for file in &manifest.files {
        let template = if file.template { ", a template" } else { "" };
        say(format_args!("  {:<12}{} bytes{template}, {}", file.target, file.size, file.sha256));
    }
}

fn listed(ids: impl IntoIterator<Item = impl ToString>) -> String {
    ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(", ")
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    time.map_or_else(|| format!("{seconds} s after 1970"), |time| time.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))
}

/// Reads a root or a release, signed or not.
pub(crate) fn read_envelope(path: &Path) -> anyhow::Result<Envelope> {
    let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
    Envelope::decode(&bytes).with_context(|| path.display().to_string())
}

/// Writes a file that is not there yet: what somebody signed is never lost to a slip.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("can't write {}", path.display()))
}

/// Replaces a file by a rename, so that it is whole at every moment.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| format!("can't write {}", path.display()))
}
