//! Reads texts into values and remembers every fault on the way.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use homepot::model::Secret;
use homepot_host::{environment::VariableError, secret_file};

/// Something a setting got wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting as a flag without its dashes, such as `grpc-addr`; its variable follows from it.
    pub setting: &'static str,
    /// Whether it can be given as a flag; secrets can't.
    pub is_flag: bool,
    /// Why, in words for a person.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = variable(self.setting);
        match self.is_flag {
            true => write!(f, "--{} ({variable}): {}", self.setting, self.reason),
            false => write!(f, "{variable}: {}", self.reason),
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError(pub Vec<Fault>);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "a setting is at fault:")?,
            count => write!(f, "{count} settings are at fault:")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for SettingsError {}

/// The environment variable of a setting.
pub(super) fn variable(setting: &str) -> String {
    format!("HOMEPOT_{}", setting.to_uppercase().replace('-', "_"))
}

/// What of the process' surroundings matters to its settings.
pub(super) struct Surroundings<'a> {
    /// Looks an environment variable up.
    pub(super) variable: &'a dyn Fn(&str) -> Result<Option<String>, VariableError>,
    pub(super) is_root: bool,
}

/// Collects faults; a value at fault is replaced so that reading goes on, and [`Reader::finish`] refuses it all.
pub(super) struct Reader<'a> {
    surroundings: Surroundings<'a>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(surroundings: Surroundings<'a>) -> Self {
        Self { surroundings, faults: Vec::new() }
    }

    pub(super) fn fault(&mut self, setting: &'static str, reason: impl Into<String>) {
        self.faults.push(Fault { setting, is_flag: true, reason: reason.into() });
    }

    pub(super) fn keep<T>(&mut self, setting: &'static str, value: Result<T, String>, instead: T) -> T {
        value.unwrap_or_else(|reason| {
            self.fault(setting, reason);
            instead
        })
    }

    /// A time such as `500ms`, `5s`, `2m` or `1h` within `range`.
    pub(super) fn time(&mut self, setting: &'static str, text: &str, range: RangeInclusive<Duration>) -> Duration {
        let value = parse_time(text).and_then(|time| match range.contains(&time) {
            true => Ok(time),
            false => Err(format!("'{text}' is not within {:?} and {:?}", range.start(), range.end())),
        });
        self.keep(setting, value, *range.start())
    }

    /// A number within `range`.
    pub(super) fn count(&mut self, setting: &'static str, text: &str, range: RangeInclusive<usize>) -> usize {
        let value = text.parse().ok().filter(|count| range.contains(count));
        let fault = || format!("'{text}' is not a number from {} to {}", range.start(), range.end());
        self.keep(setting, value.ok_or_else(fault), *range.start())
    }

    /// A secret from its variable or from a file; both at once is a fault.
    pub(super) fn secret(
        &mut self,
        setting: &'static str,
        file_setting: &'static str,
        file: Option<OsString>,
    ) -> Option<Secret> {
        let direct = (self.surroundings.variable)(&variable(setting)).unwrap_or_else(|error| {
            self.secret_fault(setting, error.reason());
            None
        });
        let Some(file) = given_path(file) else { return direct.map(|text| Secret::presented(text.trim())) };
        if direct.is_some() {
            self.fault(file_setting, format!("is given together with {}; give one of them", variable(setting)));
            return None;
        }
        match secret_file::read(&file) {
            Ok(text) if text.trim().is_empty() => self.fault(file_setting, format!("{} is empty", file.display())),
            Ok(text) => return Some(Secret::presented(text.trim())),
            Err(error) => self.fault(file_setting, error.to_string()),
        }
        None
    }

    /// Notes a fault of a secret, which has a variable and no flag.
    pub(super) fn secret_fault(&mut self, setting: &'static str, reason: impl Into<String>) {
        self.faults.push(Fault { setting, is_flag: false, reason: reason.into() });
    }

    /// The directory given, or the platform's.
    pub(super) fn data_dir(&mut self, directory: Option<OsString>) -> PathBuf {
        if let Some(directory) = given_path(directory) {
            // Children start elsewhere: the private database must find it from there.
            let absolute = std::path::absolute(&directory).map_err(|error| format!("{}: {error}", directory.display()));
            return self.keep("data-dir", absolute, directory);
        }
        let default = default_data_dir(&self.surroundings);
        let default = default.ok_or_else(|| "is not given, and there is no HOME to take a default from".to_owned());
        self.keep("data-dir", default, PathBuf::new())
    }

    pub(super) fn finish<T>(self, value: T) -> Result<T, SettingsError> {
        match self.faults.is_empty() {
            true => Ok(value),
            false => Err(SettingsError(self.faults)),
        }
    }
}

/// An empty flag is one that is not given: a command line in a manifest can't leave one out. An empty variable never
/// comes this far: [`environment::check`](homepot_host::environment::check) refuses it.
pub(super) fn given<T: AsRef<OsStr>>(value: Option<T>) -> Option<T> {
    value.filter(|value| !value.as_ref().is_empty())
}

pub(super) fn given_path(value: Option<OsString>) -> Option<PathBuf> {
    given(value).map(PathBuf::from)
}

pub(super) fn default_data_dir(surroundings: &Surroundings<'_>) -> Option<PathBuf> {
    if surroundings.is_root {
        return Some(PathBuf::from("/var/lib/homepot"));
    }
    // An empty one, or one that is no text, counts as not set, as the XDG specification says.
    let set = |name: &str| (surroundings.variable)(name).ok().flatten();
    let absolute = |name: &str| set(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(Path::new(".local/share"))))?;
    Some(base.join("homepot"))
}

/// Reads a time such as `500ms`, `5s`, `2m` or `1h`.
pub fn parse_time(text: &str) -> Result<Duration, String> {
    let fault = || format!("'{text}' is not a time such as 500ms, 5s, 2m, 1h or 7d");
    let letters = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(fault)?;
    let (count, unit) = text.split_at(letters);
    let count: u64 = count.parse().map_err(|_| fault())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(fault()),
    };
    count.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(fault)
}
