//! `homepot release` and `homepot sign`: all that people do with keys, roots and releases, without a server.
//!
//! Each command returns the text to show. The server's program adds them to its own commands.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use homepot_host::secret_file::{self, SecretFileError};

use crate::{
    Digest, Envelope, Kind, Manifest, PrivateKey, Refused, SignedManifest, TrustedRoot,
    build::{self, BuildError},
    key::{self, KeyError},
    manifest::Limits,
    root::Root,
};

/// The file in a release's directory that describes it.
const RELEASE_FILE: &str = "release.toml";
/// What `init` writes.
const EXAMPLE: &str = include_str!("example.toml");

/// Make keys, roots and releases. None of this needs a server.
#[derive(Debug, clap::Subcommand)]
pub enum ReleaseCommand {
    /// Make a private key, and show its public key
    Key {
        /// File to write. It must not exist yet
        file: PathBuf,
    },
    /// Write an example of a release.toml into a directory
    Init {
        /// Directory, which is made where it is missing
        directory: PathBuf,
    },
    /// Make a release of the release.toml in a directory, for people to sign
    Build {
        /// Directory with release.toml and the files that it names
        directory: PathBuf,
        /// File to write [default: NAME-COUNTER.release beside the directory's release.toml]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a root of a root.toml, for people to sign
    Root {
        /// The TOML file
        file: PathBuf,
        /// File to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The root that it follows. Checks its version
        #[arg(long, value_name = "FILE")]
        after: Option<PathBuf>,
    },
    /// Show what a release or root says and who signed it, or the public half of a private key
    Show {
        /// The release, the root or the private key
        file: PathBuf,
        /// Check the signatures against this root
        #[arg(long, value_name = "FILE")]
        root: Option<PathBuf>,
    },
}

/// Sign a release or a root. Shows what is signed.
#[derive(Debug, clap::Args)]
pub struct SignCommand {
    /// The release or root. The signature is added to it
    pub file: PathBuf,
    /// File with the private key
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

/// Why a command did not do what was asked. Each error names the file.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A file can't be read or written.
    #[error("can't {verb} {}: {source}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The private key's file can't be trusted or read.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// A key can't be used.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: KeyError,
    },
    /// There is nothing to sign.
    #[error("{}: {source}", path.display())]
    Build {
        /// The TOML file.
        path: PathBuf,
        /// Why not.
        source: BuildError,
    },
    /// What is there would be refused.
    #[error("{}: {source} ({})", path.display(), source.name())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Refused,
    },
}

impl ReleaseCommand {
    /// Does it, at `now` (Unix seconds), and returns what to show.
    pub fn run(&self, now: u64) -> Result<String, CommandError> {
        match self {
            Self::Key { file } => make_key(file),
            Self::Init { directory } => init(directory),
            Self::Build { directory, out } => build_release(directory, out.as_deref(), now),
            Self::Root { file, out, after } => build_root(file, out, after.as_deref()),
            Self::Show { file, root } => show_file(file, root.as_deref(), now),
        }
    }
}

impl SignCommand {
    /// Adds the signature to the file, and returns what to show.
    pub fn run(&self) -> Result<String, CommandError> {
        let key = read_key(&self.key)?;
        let mut envelope = open_envelope(&self.file)?;
        let refused = |source| CommandError::Refused { path: self.file.clone(), source };
        let kind = envelope.kind().ok_or(Refused::malformed("it is neither a release nor a root")).map_err(refused)?;
        // Nobody signs what every device would refuse.
        let mut shown = describe(&envelope).map_err(refused)?;
        envelope.sign(kind, &key).map_err(refused)?;
        replace(&self.file, &envelope.encode())?;
        let _ = writeln!(shown, "signed by {}", key.public().id());
        Ok(shown)
    }
}

/// A private key, from a file that nobody else can read.
fn read_key(file: &Path) -> Result<PrivateKey, CommandError> {
    let text = secret_file::read_private(file)?;
    PrivateKey::from_pem(&text).map_err(|source| CommandError::Key { path: file.to_owned(), source })
}

fn make_key(file: &Path) -> Result<String, CommandError> {
    let key = PrivateKey::generate().map_err(|source| CommandError::Key { path: file.to_owned(), source })?;
    key::write_new_file(file, &key).map_err(failed("write", file))?;
    Ok(format!("{}\n", key.public()))
}

fn init(directory: &Path) -> Result<String, CommandError> {
    fs::create_dir_all(directory).map_err(failed("make", directory))?;
    let path = directory.join(RELEASE_FILE);
    let mut file = File::create_new(&path).map_err(failed("write", &path))?;
    file.write_all(EXAMPLE.as_bytes()).map_err(failed("write", &path))?;
    Ok(format!("{}\n", path.display()))
}

fn build_release(directory: &Path, out: Option<&Path>, now: u64) -> Result<String, CommandError> {
    let path = directory.join(RELEASE_FILE);
    let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
    let built = build::release(&text, now, |file| File::open(directory.join(file)))
        .map_err(|source| CommandError::Build { path, source })?;
    let name = format!("{}-{}.release", built.manifest.name, built.manifest.counter);
    let out = out.map_or_else(|| directory.join(name), Path::to_owned);
    let envelope = Envelope::new(Kind::Release, built.payload);
    write_new(&out, &envelope.encode())?;
    let mut shown = describe(&envelope).map_err(|source| CommandError::Refused { path: out.clone(), source })?;
    let _ = writeln!(shown, "written to {}", out.display());
    Ok(shown)
}

fn build_root(file: &Path, out: &Path, after: Option<&Path>) -> Result<String, CommandError> {
    let text = fs::read_to_string(file).map_err(failed("read", file))?;
    let root = build::root(&text).map_err(|source| CommandError::Build { path: file.to_owned(), source })?;
    if let Some(after) = after {
        let trusted = open_root(after)?.root().version;
        if Some(root.version) != trusted.checked_add(1) {
            let source = Refused::RootOutOfOrder { trusted, found: root.version };
            return Err(CommandError::Refused { path: file.to_owned(), source });
        }
    }
    let envelope = Envelope::new(Kind::Root, root.encode());
    write_new(out, &envelope.encode())?;
    let mut shown = describe(&envelope).map_err(|source| CommandError::Refused { path: out.to_owned(), source })?;
    let _ = writeln!(shown, "written to {}", out.display());
    Ok(shown)
}

fn show_file(file: &Path, root: Option<&Path>, now: u64) -> Result<String, CommandError> {
    if fs::read(file).map_err(failed("read", file))?.starts_with(b"-----BEGIN") {
        return Ok(format!("{}\n", read_key(file)?.public()));
    }
    let envelope = open_envelope(file)?;
    let refused = |source| CommandError::Refused { path: file.to_owned(), source };
    let mut shown = describe(&envelope).map_err(refused)?;
    for id in envelope.signers() {
        let _ = writeln!(shown, "signed by {id}");
    }
    if let Some(root) = root {
        let trusted = open_root(root)?;
        let bytes = envelope.encode();
        match envelope.kind() {
            Some(Kind::Root) => drop(trusted.next(&bytes).map_err(refused)?),
            _ => drop(SignedManifest::open(&trusted, &bytes, Limits::default(), now).map_err(refused)?),
        }
        let _ = writeln!(shown, "good by root {}", trusted.root().version);
    }
    Ok(shown)
}

/// What an envelope says, a line for each thing that a person should look at before signing.
fn describe(envelope: &Envelope) -> Result<String, Refused> {
    let mut shown = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(shown, "{name:<10} {value}");
    };
    if envelope.kind() == Some(Kind::Root) {
        let root = Root::decode(envelope.payload())?;
        line("root", &format!("version {}", root.version));
        line("expires", &time(root.expires));
        for (name, role) in [("next root", &root.root), ("releases", &root.release)] {
            let ids: Vec<_> = role.keys.iter().map(ToString::to_string).collect();
            line(name, &format!("{} of {}", role.threshold, ids.join(", ")));
        }
        return Ok(shown);
    }
    let manifest = Manifest::decode(envelope.payload(), Limits::default())?;
    line("release", &format!("{} {}, counter {}", manifest.name, manifest.version, manifest.counter));
    line("digest", &Digest::of(envelope.payload()).to_string());
    line("expires", &time(manifest.expires));
    let selector = &manifest.selector;
    for (name, list) in [("sites", &selector.sites), ("types", &selector.device_types), ("devices", &selector.devices)]
    {
        if !list.is_empty() {
            line(name, &list.join(", "));
        }
    }
    for (name, value) in &selector.labels {
        line("label", &format!("{name}={value}"));
    }
    for file in &manifest.files {
        let kind = if file.template { ", a template" } else { "" };
        line("target", &format!("{} {} ({} bytes{kind})", file.target, file.sha256, file.size));
    }
    for variable in &manifest.variables {
        let required = if variable.required { ", required" } else { "" };
        let secret = if variable.secret { ", secret" } else { "" };
        line("variable", &format!("{}{required}{secret}", variable.name));
    }
    if manifest.mend_drift {
        line("drift", "is mended");
    }
    for (name, checks) in [("validators", &manifest.validators), ("health", &manifest.health)] {
        if !checks.is_empty() {
            line(name, &checks.join(", "));
        }
    }
    Ok(shown)
}

fn time(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    time.map_or_else(|| seconds.to_string(), |time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

fn open_envelope(path: &Path) -> Result<Envelope, CommandError> {
    let bytes = fs::read(path).map_err(failed("read", path))?;
    Envelope::decode(&bytes).map_err(|source| CommandError::Refused { path: path.to_owned(), source })
}

fn open_root(path: &Path) -> Result<TrustedRoot, CommandError> {
    let bytes = fs::read(path).map_err(failed("read", path))?;
    TrustedRoot::first(&bytes).map_err(|source| CommandError::Refused { path: path.to_owned(), source })
}

/// What people may have signed already is never written over.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let mut file = File::create_new(path).map_err(failed("write", path))?;
    file.write_all(bytes).map_err(failed("write", path))
}

/// Replaces a file as a whole: the signatures of others are never half there.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let write = || {
        fs::write(&beside, bytes)?;
        File::open(&beside)?.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(failed("write", path))
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CommandError {
    let path = path.to_owned();
    move |source| CommandError::Io { verb, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_225_600;

    #[test]
    fn a_release_is_made_signed_by_two_and_checked() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let key = |name: &str| ReleaseCommand::Key { file: at(name) }.run(NOW).unwrap().trim().to_owned();
        let (one, two) = (key("one.pem"), key("two.pem"));
        let id = |line: &str| line.split(' ').nth(1).unwrap().to_owned();
        let text = format!(
            "version = 1\nexpires = 2028-01-01T00:00:00Z\nkeys = ['{one}', '{two}']\n\
             [root]\nthreshold = 1\nkeys = ['{}']\n[release]\nthreshold = 2\nkeys = ['{}', '{}']",
            id(&one),
            id(&one),
            id(&two)
        );
        fs::write(at("root.toml"), text).unwrap();
        let root = ReleaseCommand::Root { file: at("root.toml"), out: at("root"), after: None };
        let shown = root.run(NOW).unwrap();
        assert!(shown.contains("expires    2028-01-01T00:00:00Z") && shown.contains("releases   2 of "), "{shown}");
        assert!(root.run(NOW).unwrap_err().to_string().contains("can't write"), "it is never written over");
        let sign = |file: &str, key: &str| SignCommand { file: at(file), key: at(key) }.run();
        sign("root", "one.pem").unwrap();

        ReleaseCommand::Init { directory: at("pos") }.run(NOW).unwrap();
        fs::write(at("pos/pos.toml"), "port = {{ port }}\n").unwrap();
        let build = ReleaseCommand::Build { directory: at("pos"), out: Some(at("pos.release")) };
        let shown = build.run(NOW).unwrap();
        assert!(shown.contains("target     pos-config ") && shown.contains("a template"), "{shown}");
        let show = || ReleaseCommand::Show { file: at("pos.release"), root: Some(at("root")) }.run(NOW);
        assert!(show().unwrap_err().to_string().contains("(unsigned)"));
        sign("pos.release", "one.pem").unwrap();
        sign("pos.release", "one.pem").unwrap();
        assert!(show().unwrap_err().to_string().contains("(too_few_signatures)"));
        assert!(sign("pos.release", "two.pem").unwrap().contains(&format!("signed by {}", id(&two))));
        let shown = show().unwrap();
        assert!(shown.ends_with("good by root 1\n") && shown.matches("signed by").count() == 2, "{shown}");
        let again = ReleaseCommand::Root { file: at("root.toml"), out: at("again"), after: Some(at("root")) };
        assert!(again.run(NOW).unwrap_err().to_string().contains("(root_out_of_order)"));
    }

    #[test]
    fn a_key_that_others_can_read_signs_nothing() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("key.pem");
        ReleaseCommand::Key { file: key.clone() }.run(NOW).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let told = SignCommand { file: directory.path().join("x"), key }.run().unwrap_err().to_string();
        assert!(told.contains("chmod 600") && !told.contains("PRIVATE"), "{told}");
    }
}
