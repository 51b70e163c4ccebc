//! What each crate needs to read its own settings: turns texts into values, and collects all faults.
//!
//! Every setting is a flag and a variable, see [`variable`]; secrets are a variable or a file, never a flag. A crate that uses a
//! setting declares it in its module `settings`: a `clap::Args` with the flags and their help, and `read`, which takes a
//! [`Reader`] and yields the crate's own type. The program flattens the flags of all crates into one command line and
//! reads them with one [`Reader`], so that all faults are told at once. Flags are texts on purpose: clap would stop at the
//! first fault, and an empty flag counts as one that is not given.
//!
//! This module is in `host`, because the store has settings too and must not depend on the runtime.

#[cfg(feature = "test-support")]
pub mod test_support;

use std::{
    ffi::{OsStr, OsString},
    fmt,
    ops::RangeInclusive,
    path::PathBuf,
    time::Duration,
};

use crate::{
    environment::{self, VariableError},
    secret_file,
};

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

/// The environment variable of a setting: `HOMEPOT_GRPC_ADDR` for `grpc-addr`. Settings that OpenTelemetry defines, whose names
/// begin with `otel-`, have the variables that it gives them: `OTEL_SERVICE_NAME` for `otel-service-name`.
pub fn variable(setting: &str) -> String {
    let name = setting.to_uppercase().replace('-', "_");
    if name.starts_with("OTEL_") { name } else { format!("HOMEPOT_{name}") }
}

/// What of the process' surroundings matters to its settings.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Looks an environment variable up.
    pub variable: &'a dyn Fn(&str) -> Result<Option<String>, VariableError>,
    /// Whether the process runs as root.
    pub is_root: bool,
}

impl Surroundings<'static> {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        Self { variable: &environment::variable, is_root: rustix::process::geteuid().is_root() }
    }
}

/// Collects faults. A value at fault is replaced, so that reading goes on, and [`Reader::finish`] refuses the whole.
pub struct Reader<'a> {
    surroundings: Surroundings<'a>,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// A reader that has found no fault yet.
    pub fn new(surroundings: Surroundings<'a>) -> Self {
        Self { surroundings, faults: Vec::new() }
    }

    /// The process' surroundings.
    pub fn surroundings(&self) -> Surroundings<'a> {
        self.surroundings
    }

    /// Notes that `setting`, which is a flag, is at fault.
    pub fn fault(&mut self, setting: &'static str, reason: impl Into<String>) {
        self.faults.push(Fault { setting, is_flag: true, reason: reason.into() });
    }

    /// The value, or its fault noted and `instead`.
    pub fn keep<T>(&mut self, setting: &'static str, value: Result<T, String>, instead: T) -> T {
        value.unwrap_or_else(|reason| {
            self.fault(setting, reason);
            instead
        })
    }

    /// A time such as `500ms`, `5s`, `2m` or `1h` within `range`.
    pub fn time(&mut self, setting: &'static str, text: &str, range: RangeInclusive<Duration>) -> Duration {
        let value = parse_time(text).and_then(|time| match range.contains(&time) {
            true => Ok(time),
            false => Err(format!("'{text}' is not within {:?} and {:?}", range.start(), range.end())),
        });
        self.keep(setting, value, *range.start())
    }

    /// A number within `range`.
    pub fn count(&mut self, setting: &'static str, text: &str, range: RangeInclusive<usize>) -> usize {
        let value = text.parse().ok().filter(|count| range.contains(count));
        let fault = || format!("'{text}' is not a number from {} to {}", range.start(), range.end());
        self.keep(setting, value.ok_or_else(fault), *range.start())
    }

    /// A secret from its variable or from a file; both at once is a fault. To be put into a type that does not show it.
    pub fn secret(
        &mut self,
        setting: &'static str,
        file_setting: &'static str,
        file: Option<OsString>,
    ) -> Option<String> {
        let direct = (self.surroundings.variable)(&variable(setting)).unwrap_or_else(|error| {
            self.secret_fault(setting, error.reason());
            None
        });
        let Some(file) = given_path(file) else { return direct.map(|text| text.trim().to_owned()) };
        if direct.is_some() {
            self.fault(file_setting, format!("is given together with {}; give one of them", variable(setting)));
            return None;
        }
        match secret_file::read(&file) {
            Ok(text) if text.trim().is_empty() => self.fault(file_setting, format!("{} is empty", file.display())),
            Ok(text) => return Some(text.trim().to_owned()),
            Err(error) => self.fault(file_setting, error.to_string()),
        }
        None
    }

    /// Notes a fault of a secret, which has a variable and no flag.
    pub fn secret_fault(&mut self, setting: &'static str, reason: impl Into<String>) {
        self.faults.push(Fault { setting, is_flag: false, reason: reason.into() });
    }

    /// `value`, or every fault that was found.
    pub fn finish<T>(self, value: T) -> Result<T, SettingsError> {
        match self.faults.is_empty() {
            true => Ok(value),
            false => Err(SettingsError(self.faults)),
        }
    }
}

/// An empty flag is one that is not given: a command line in a manifest can't leave one out. An empty variable never
/// comes this far: [`environment::check`] refuses it.
pub fn given<T: AsRef<OsStr>>(value: Option<T>) -> Option<T> {
    value.filter(|value| !value.as_ref().is_empty())
}

/// [`given`], as a path.
pub fn given_path(value: Option<OsString>) -> Option<PathBuf> {
    given(value).map(PathBuf::from)
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

#[cfg(test)]
mod tests;
