//! The agent's configuration. Flags come first (each is also an environment variable), then TOML files, then defaults.
//! The files are `agent.toml` and those in the directory `agent.d` beside it, in the order of their names; what a later
//! file says goes before what an earlier one says.
//!
//! ```toml
//! server = "https://pot.example:50051"
//! site = "site-001"
//! device_id = "till-7"              # default: the host's name
//! name = "Till 7"                   # default: the host's name
//! device_type = "linux_server"
//! state_dir = "/var/lib/homepot-agent"
//! host_root = "/host"               # in a container: where the machine's root is mounted
//! ca_file = "/etc/homepot/ca.pem"   # default: the system's roots
//! enrollment_token_file = "/etc/homepot/enrollment-token"
//! allow_plaintext = false           # http:// beyond this machine
//! spool_max_bytes = "64MiB"         # what waits for the server, on disk
//! spool_max_age = "7d"              # what is older is dropped
//! update_root_file = "/etc/homepot/release-root" # who signs releases; without it none is installed
//! hold_directory = "/run/homepot-holds"    # where programs may hold releases back; default: holds in the state directory
//! update_self = false               # whether a release may replace the agent itself, as target "agent"
//! update_probation = "2m"           # a release that is not well within this time is undone
//! update_healthy_for = "30s"        # it is well once all health checks have passed for this long
//!
//! [labels]                          # for releases whose selector has labels; those of the server are for choosing devices there
//! ring = "canary"
//!
//! [commands.restart_app]
//! allow = true
//! program = "/usr/bin/systemctl"
//! args = ["restart", "pos"]
//!
//! [commands.reboot]
//! allow = true
//! program = "/usr/sbin/reboot"
//!
//! [targets.pos-config]              # a file that releases may replace, by its name in them
//! path = "/etc/pos/pos.toml"        # without symbolic links
//! owner = "pos"                     # default: the agent's user and group
//! group = "pos"
//! mode = "0640"                     # default: 0644
//! validator = ["/usr/bin/pos", "check", "{file}"]
//! reload = ["/usr/bin/systemctl", "reload", "pos"]
//! health = ["/usr/bin/pos", "ping"]
//!
//! [checks.pos-answers]              # a program that a release may ask for by its name
//! program = ["/usr/bin/pos", "self-test"]
//! ```
//!
//! All faults are reported at once. The environment is read in [`Defaults::of_this_machine`] and by clap, nowhere else.

mod amount;
mod defaults;
mod file;
mod targets;
mod token;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use homepot::model::{DeviceId, DeviceType, Labels, Secret, ServerAddress, SiteId, parse_labels};
use homepot_host::trust;

pub use self::defaults::Defaults;

use crate::{
    commands::{Rules, builtin::ProgramRule},
    launch::Launched,
    protocol::spool::{MAX_AGE, MAX_BYTES},
    update::{Targets, Timing},
};

/// The hold directory, in the state directory.
const HOLDS: &str = "holds";
const SERVER: &str = "http://127.0.0.1:50051";
const DEVICE_TYPE: &str = "linux_server";

/// The agent's configuration file and state directory.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Place {
    /// Configuration file [default: /etc/homepot/agent.toml as root, else ~/.config/homepot/agent.toml, if it exists].
    /// Files in the directory of the same name with .d, such as /etc/homepot/agent.d/site.toml, are read after it
    #[arg(long, env = "HOMEPOT_AGENT_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the agent's key, samples and commands [default: /var/lib/homepot-agent as root, else
    /// ~/.local/state/homepot-agent]
    #[arg(long, env = "HOMEPOT_AGENT_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// The flags of `homepot-agent run`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// The agent's configuration file and state directory.
    #[command(flatten)]
    pub place: Place,
    /// The server's gRPC address. http:// is accepted for this machine only [default: http://127.0.0.1:50051]
    #[arg(long, env = "HOMEPOT_AGENT_SERVER", value_name = "URL")]
    pub server: Option<String>,
    /// Site at which to enrol. Only needed for enrolment
    #[arg(long, env = "HOMEPOT_AGENT_SITE", value_name = "SITE")]
    pub site: Option<String>,
    /// Device id with which to enrol [default: made from the host's name]
    #[arg(long, env = "HOMEPOT_AGENT_DEVICE_ID", value_name = "ID")]
    pub device_id: Option<String>,
    /// Name of the device, for people [default: the host's name]
    #[arg(long, env = "HOMEPOT_AGENT_NAME", value_name = "NAME")]
    pub name: Option<String>,
    /// Type of device, such as pos_terminal [default: linux_server]
    #[arg(long, env = "HOMEPOT_AGENT_DEVICE_TYPE", value_name = "TYPE")]
    pub device_type: Option<String>,
    /// In a container that watches its machine: where the machine's root is mounted. Disk and memory are then the
    /// machine's, not the container's
    #[arg(long, env = "HOMEPOT_AGENT_HOST_ROOT", value_name = "DIR")]
    pub host_root: Option<PathBuf>,
    /// Trust only the certificates in this PEM file [default: the system's roots]
    #[arg(long, env = "HOMEPOT_AGENT_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// File that holds the enrolment token [default: the token in $HOMEPOT_ENROLLMENT_TOKEN, else the file
    /// enrollment/token beside the configuration file, which is removed once the device has enrolled, else open
    /// enrolment]
    #[arg(long, env = "HOMEPOT_AGENT_ENROLLMENT_TOKEN_FILE", value_name = "FILE")]
    pub enrollment_token_file: Option<PathBuf>,
    /// Allow http:// to another machine. Use it only if something else encrypts the connection
    #[arg(long, env = "HOMEPOT_AGENT_ALLOW_PLAINTEXT")]
    pub allow_plaintext: bool,
    /// Disk space for samples that the server does not have yet. When it is full, the oldest are dropped [default:
    /// 64MiB]
    #[arg(long, env = "HOMEPOT_AGENT_SPOOL_MAX_BYTES", value_name = "SIZE")]
    pub spool_max_bytes: Option<String>,
    /// Drop samples that the server did not accept within this time. It accepts none older than 7d [default: 7d]
    #[arg(long, env = "HOMEPOT_AGENT_SPOOL_MAX_AGE", value_name = "SPAN")]
    pub spool_max_age: Option<String>,
}

/// The checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server.
    pub server: ServerAddress,
    /// The site to enrol at.
    pub site_id: Option<SiteId>,
    /// The id that was asked for.
    pub device_id: Option<DeviceId>,
    /// The id to enrol under when none was asked for.
    pub default_device_id: Option<DeviceId>,
    /// For people.
    pub name: String,
    /// A slug.
    pub device_type: DeviceType,
    /// Where state is kept.
    pub state_dir: PathBuf,
    /// Where the machine's root is mounted in the container that this runs in.
    pub host_root: Option<PathBuf>,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Where the enrolment token lies.
    pub enrollment_token_file: Option<PathBuf>,
    /// The enrolment token of the environment; the file goes first.
    pub enrollment_token: Option<Secret>,
    /// Where a token may be left that is used once and then removed; what was given otherwise goes first.
    pub left_token: Option<PathBuf>,
    /// The spool's room on disk.
    pub spool_max_bytes: u64,
    /// Samples that wait for longer are dropped.
    pub spool_max_age: Duration,
    /// What commands may do here.
    pub rules: Rules,
    /// Where releases may be put, and what is run around it.
    pub targets: Targets,
    /// The first root of releases, as `homepot sign` leaves it. Without one no release is installed.
    pub update_root_file: Option<PathBuf>,
    /// Where programs of this machine may hold releases back.
    pub hold_directory: PathBuf,
    /// What the labels in the selectors of releases are compared with.
    pub labels: Labels,
    /// Whether a release may replace the agent itself.
    pub update_self: bool,
    /// The launcher of this process.
    pub launched: Option<Launched>,
    /// How long a release may take to prove itself, and how long it has to be well.
    pub timing: Timing,
}

impl Config {
    /// Reads the file that the flags or the machine name and those beside it, and puts everything together.
    pub fn load(flags: &Flags, defaults: &Defaults) -> Result<Self, Vec<String>> {
        let path = flags.place.config.as_ref().or(defaults.config.as_ref());
        let mut faults = Vec::new();
        let texts = match path {
            Some(path) => file::texts(path, flags.place.config.is_some(), &mut faults),
            None => Vec::new(),
        };
        match Self::resolve(flags, &texts, defaults) {
            Ok(config) => {
                faults.extend(config.untrusted_files());
                if faults.is_empty() { Ok(config) } else { Err(faults) }
            }
            Err(further) => Err([faults, further].concat()),
        }
    }

    /// Files that decide what the agent runs and which servers it trusts, and that other users can change.
    fn untrusted_files(&self) -> Vec<String> {
        let program = |rule: &Option<ProgramRule>| rule.as_ref().map(|rule| rule.program.clone());
        let named = [
            ("commands.restart_app.program", program(&self.rules.restart_app)),
            ("commands.reboot.program", program(&self.rules.reboot)),
            ("ca_file", self.ca_file.clone()),
            ("enrollment_token_file", self.enrollment_token_file.clone()),
            ("update_root_file", self.update_root_file.clone()),
        ];
        let named = named.into_iter().filter_map(|(key, path)| untrusted(key, &path?));
        let programs = targets::programs(&self.targets);
        named.chain(programs.filter_map(|(key, path)| untrusted(&key, path))).collect()
    }

    /// Combines flags, the texts of the files, later ones first, and defaults, and reports every fault.
    pub fn resolve(flags: &Flags, texts: &[(PathBuf, String)], defaults: &Defaults) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let read = texts.iter().map(|(path, text)| file::read(path, text, &mut faults));
        let file = read.reduce(file::File::before).unwrap_or_default();
        let rules = file.rules();
        faults.extend(targets::twins(&file.targets));

        let server = flags.server.clone().or(file.server).unwrap_or_else(|| SERVER.to_owned());
        let allow_plaintext = flags.allow_plaintext || file.allow_plaintext.unwrap_or_default();
        let server = take(&mut faults, "server", ServerAddress::parse(&server, allow_plaintext));

        let checked = |error: homepot::Error| {
            error.field_violations().first().map_or_else(|| error.message().to_owned(), |fault| fault.reason.clone())
        };
        let site = flags.site.clone().or(file.site).map(|text| SiteId::parse(&text).map_err(checked));
        let site_id = site.and_then(|site| take(&mut faults, "site", site));
        let device = flags.device_id.clone().or(file.device_id).map(|text| DeviceId::parse(&text).map_err(checked));
        let device_id = device.and_then(|device| take(&mut faults, "device_id", device));
        let device_type = flags.device_type.clone().or(file.device_type).unwrap_or_else(|| DEVICE_TYPE.to_owned());
        let device_type = take(&mut faults, "device_type", DeviceType::parse(&device_type).map_err(checked));

        let labels = parse_labels("labels", file.labels.into_iter().collect()).map_err(checked);
        let labels = take(&mut faults, "labels", labels);

        let named = flags.name.clone().or(file.name);
        let name = named.unwrap_or_else(|| defaults.hostname.clone());
        let name = if name.is_empty() { "unnamed device".to_owned() } else { name };
        if name.chars().count() > 200 || name.contains('\0') {
            faults.push("name: must be 1 to 200 characters".to_owned());
        }
        let room = flags.spool_max_bytes.clone().or(file.spool_max_bytes).map(|text| amount::bytes(&text));
        let spool_max_bytes = room.map_or(Some(MAX_BYTES), |room| take(&mut faults, "spool_max_bytes", room));
        let age = flags.spool_max_age.clone().or(file.spool_max_age).map(|text| amount::span(&text));
        let spool_max_age = age.map_or(Some(MAX_AGE), |age| take(&mut faults, "spool_max_age", age));

        let mut span = |key: &str, text: Option<String>, default: Duration| match text {
            None => Some(default),
            Some(text) => take(&mut faults, key, amount::short_span(&text)),
        };
        let usual = Timing::default();
        let probation = span("update_probation", file.update_probation, usual.probation);
        let healthy_for = span("update_healthy_for", file.update_healthy_for, usual.healthy_for);
        let timing =
            probation.zip(healthy_for).map(|(probation, healthy_for)| Timing { probation, healthy_for, ..usual });
        if timing.is_some_and(|timing| timing.healthy_for >= timing.probation) {
            faults.push("update_healthy_for: must be less than update_probation".to_owned());
        }

        let host_root = flags.host_root.clone().or(file.host_root);
        if let Some(root) = host_root.as_ref().filter(|root| !root.is_dir()) {
            faults.push(format!("host_root: {} is not a directory; mount the machine's root there", root.display()));
        }
        let state_dir = flags.place.state_dir.clone().or(file.state_dir).or_else(|| defaults.state_dir.clone());
        if state_dir.is_none() {
            faults.push("state_dir: must be given, for there is no home directory to keep it in".to_owned());
        }
        let assembled = server.zip(device_type).zip(state_dir).map(|((server, device_type), state_dir)| Self {
            server,
            site_id,
            device_id,
            default_device_id: DeviceId::parse(&slug(&defaults.hostname)).ok(),
            name,
            device_type,
            hold_directory: file.hold_directory.unwrap_or_else(|| state_dir.join(HOLDS)),
            state_dir,
            host_root,
            ca_file: flags.ca_file.clone().or(file.ca_file),
            enrollment_token_file: flags.enrollment_token_file.clone().or(file.enrollment_token_file),
            enrollment_token: defaults.enrollment_token.clone(),
            left_token: token::left_beside(flags.place.config.as_ref().or(defaults.config.as_ref())),
            spool_max_bytes: spool_max_bytes.unwrap_or(MAX_BYTES),
            spool_max_age: spool_max_age.unwrap_or(MAX_AGE),
            rules,
            targets: file.targets,
            timing: timing.unwrap_or_default(),
            update_root_file: file.update_root_file,
            labels: labels.unwrap_or_default(),
            update_self: file.update_self.unwrap_or_default(),
            launched: defaults.launched.clone(),
        });
        match assembled {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults),
        }
    }
}

/// Why other users can change the file at `path`. A missing file is reported by the code that needs it.
fn untrusted(key: &str, path: &Path) -> Option<String> {
    let fault = trust::check(path).err().filter(|fault| !fault.is_missing())?;
    Some(format!("{key}: the agent trusts no file that other users can change: {fault}"))
}

fn take<T>(faults: &mut Vec<String>, key: &str, value: Result<T, String>) -> Option<T> {
    value.map_err(|reason| faults.push(format!("{key}: {reason}"))).ok()
}

/// A host's name as a device's id; empty when nothing of it can stand in one.
fn slug(hostname: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c.to_ascii_lowercase() } else { '-' };
    let slug: String = hostname.chars().map(allowed).take(128).collect();
    slug.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Defaults {
        Defaults { state_dir: Some("/state".into()), hostname: "Till-7.shop".to_owned(), ..Default::default() }
    }

    fn resolve(flags: &Flags, text: &str) -> Result<Config, Vec<String>> {
        Config::resolve(flags, &[("agent.toml".into(), text.to_owned())], &defaults())
    }

    #[test]
    fn nothing_told_gives_the_documented_defaults() {
        let config = Config::resolve(&Flags::default(), &[], &defaults()).unwrap();
        assert_eq!(config.server.to_string(), SERVER);
        assert_eq!(config.default_device_id.unwrap().as_str(), "till-7.shop");
        assert_eq!((config.device_type.as_str(), config.name.as_str()), ("linux_server", "Till-7.shop"));
        assert_eq!(config.rules, Rules::default());
        assert_eq!((config.spool_max_bytes, config.spool_max_age), (64 << 20, Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn the_root_of_the_machine_has_to_be_there() {
        let root = |text: &str| resolve(&Flags::default(), &format!("host_root = '{text}'"));
        assert_eq!(root("/").unwrap().host_root.as_deref(), Some(Path::new("/")));
        let told = root("/nowhere/host").unwrap_err();
        assert_eq!(told, ["host_root: /nowhere/host is not a directory; mount the machine's root there"]);
    }

    #[test]
    fn a_flag_goes_before_the_file() {
        let flags = Flags { site: Some("from-flag".to_owned()), ..Default::default() };
        let config = resolve(&flags, "site = 'from-file'\nname = 'Till'").unwrap();
        assert_eq!((config.site_id.unwrap().as_str(), config.name.as_str()), ("from-flag", "Till"));
    }

    #[test]
    fn the_spools_room_and_age_are_told_in_units() {
        let flags = Flags { spool_max_age: Some("36h".to_owned()), ..Default::default() };
        let config = resolve(&flags, "spool_max_bytes = '2GiB'\nspool_max_age = '1d'").unwrap();
        assert_eq!((config.spool_max_bytes, config.spool_max_age), (2 << 30, Duration::from_secs(36 * 3600)));
        let faults = resolve(&Flags::default(), "spool_max_bytes = 5\nspool_max_age = '1s'").unwrap_err().join("\n");
        assert!(faults.contains("spool_max_bytes must be a text") && faults.contains("spool_max_age: "), "{faults}");
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let flags = Flags { device_id: Some("-x".to_owned()), ..Default::default() };
        let text = "server = 'http://far.example'\nsite = 7\ncolour = 'red'\n[commands.reboot]\nallow = true\nshell = 'x'\n\
                    [commands.restart_app]\nallow = true\nprogram = 'systemctl'\n[commands.dance]\n\
                    [labels]\nfloor = 1\nring = '-'\n";
        let faults = resolve(&flags, text).unwrap_err().join("\n");
        for part in [
            "agent.toml: site must be a text",
            "agent.toml: unknown key colour",
            "agent.toml: unknown key commands.dance",
            "agent.toml: labels.floor must be a text",
            "labels: the value of 'ring'",
            "agent.toml: unknown key commands.reboot.shell",
            "agent.toml: commands.reboot.program is required",
            "agent.toml: commands.restart_app.program must be an absolute path",
            "server: ",
            "device_id: ",
        ] {
            assert!(faults.contains(part), "{part} not in\n{faults}");
        }
    }

    #[test]
    fn a_program_is_allowed_only_by_word() {
        let rule = "program = '/usr/sbin/reboot'\nargs = ['now']\n";
        let denied = resolve(&Flags::default(), &format!("[commands.reboot]\n{rule}")).unwrap();
        assert_eq!(denied.rules.reboot, None);
        let allowed = resolve(&Flags::default(), &format!("[commands.reboot]\nallow = true\n{rule}")).unwrap();
        assert_eq!(allowed.rules.reboot.unwrap().args, ["now"]);
    }

    #[test]
    fn a_file_or_program_that_others_can_write_is_refused_with_the_line_that_mends_it() {
        use std::{fs, os::unix::fs::PermissionsExt as _};
        let directory = tempfile::tempdir().unwrap();
        let (config, bin) = (directory.path().join("agent.toml"), directory.path().join("bin"));
        let (program, ca, token) =
            (bin.join("restart"), directory.path().join("ca.pem"), directory.path().join("token"));
        fs::create_dir(&bin).unwrap();
        let rule = format!("allow = true\nprogram = {program:?}\n");
        let text = format!(
            "ca_file = {ca:?}\nenrollment_token_file = {token:?}\n[commands.restart_app]\n{rule}[commands.reboot]\n{rule}"
        );
        let close = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        for (path, text) in [(&config, text.as_str()), (&program, "#!/bin/sh\n"), (&ca, ""), (&token, "")] {
            fs::write(path, text).unwrap();
            close(path, 0o755);
        }
        let flags = Flags { place: Place { config: Some(config.clone()), state_dir: None }, ..Default::default() };
        let load = || Config::load(&flags, &defaults());
        assert!(load().is_ok(), "{:?}", load().err());

        for path in [&config, &ca, &token] {
            close(path, 0o666);
        }
        close(&program, 0o777);
        let told = load().unwrap_err();
        let keys: Vec<_> = told.iter().map(|fault| fault.split(':').next().unwrap()).collect();
        let programs = ["commands.restart_app.program", "commands.reboot.program"];
        assert_eq!(keys, ["config", programs[0], programs[1], "ca_file", "enrollment_token_file"]);
        assert!(told.iter().all(|fault| fault.contains("chmod go-w ")), "{told:?}");

        for path in [&config, &ca, &token, &program] {
            close(path, 0o755);
        }
        close(&bin, 0o777);
        let told = load().unwrap_err().join("\n");
        assert!(told.contains(&format!("chmod go-w {}", bin.display())), "{told}");
        close(&bin, 0o755);
        fs::remove_file(&program).unwrap();
        assert!(load().is_ok(), "a program may come later");
    }

    #[test]
    fn files_beside_the_configuration_go_before_it_in_the_order_of_their_names() {
        use std::{fs, os::unix::fs::PermissionsExt as _};
        let directory = tempfile::tempdir().unwrap();
        let (config, beside) = (directory.path().join("agent.toml"), directory.path().join("agent.d"));
        let flags = |config: &Path| Flags {
            place: Place { config: Some(config.to_owned()), state_dir: None },
            ..Default::default()
        };
        fs::create_dir(&beside).unwrap();
        let rule = "allow = true\nprogram = '/usr/sbin/reboot'\n";
        fs::write(&config, format!("name = 'A'\nsite = 'a'\n[commands.reboot]\n{rule}[commands.restart_app]\n{rule}"))
            .unwrap();
        fs::write(beside.join("20-b.toml"), "site = 'b'\n[commands.reboot]\nallow = false\n").unwrap();
        fs::write(beside.join("10-c.toml"), "site = 'c'\ndevice_id = 'c'\n").unwrap();
        fs::write(beside.join("30-d.toml.dpkg-old"), "site = 'd'\n").unwrap();
        let loaded = Config::load(&flags(&config), &defaults()).unwrap();
        assert_eq!((loaded.site_id.unwrap().as_str(), loaded.device_id.unwrap().as_str()), ("b", "c"));
        assert_eq!((loaded.name.as_str(), loaded.rules.reboot), ("A", None), "what a later file denies is denied");
        assert_eq!(loaded.rules.restart_app.unwrap().program, Path::new("/usr/sbin/reboot"));

        fs::write(beside.join("20-b.toml"), "colour = 'red'\n").unwrap();
        fs::set_permissions(beside.join("10-c.toml"), fs::Permissions::from_mode(0o666)).unwrap();
        let told = Config::load(&flags(&config), &defaults()).unwrap_err().join("\n");
        assert!(told.contains("20-b.toml: unknown key colour"), "{told}");
        assert!(told.contains("10-c.toml can be written by every user") && told.contains("chmod go-w"), "{told}");

        let absent = directory.path().join("absent.toml");
        assert!(Config::load(&flags(&absent), &defaults()).unwrap_err()[0].starts_with("can't read "));
        let at_its_default = Defaults { config: Some(absent), ..defaults() };
        assert!(Config::load(&Flags::default(), &at_its_default).is_ok(), "the machine's file need not be there");
        fs::set_permissions(beside.join("10-c.toml"), fs::Permissions::from_mode(0o644)).unwrap();
        fs::remove_file(beside.join("20-b.toml")).unwrap();
        fs::remove_file(&config).unwrap();
        let alone = Config::load(&Flags::default(), &Defaults { config: Some(config), ..defaults() }).unwrap();
        assert_eq!(alone.site_id.unwrap().as_str(), "c", "the files beside it are enough");
    }
}
