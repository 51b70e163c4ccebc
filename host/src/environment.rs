//! Environment variables: one that is set and can't be used is an error that names it.
//!
//! "Not set" and "can't be read" must not look alike. `HOMEPOT_TOKEN` with a stray byte once made `homepot ctl` fall back
//! to the administrator's token in the data directory; a blank one from a script did the same.

use std::ffi::{OsStr, OsString};

/// The beginning of the name of every variable that is ours.
const PREFIX: &str = "HOMEPOT_";

/// A variable that is set and can't be used. Its value is never repeated: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// It holds bytes that are no text.
    #[error("{0} {reason}", reason = self.reason())]
    NotText(String),
    /// It holds nothing but spaces.
    #[error("{0} {reason}", reason = self.reason())]
    Blank(String),
}

impl VariableError {
    /// What is wrong with it, where its name stands already.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotText(_) => "is set, but its value is not UTF-8 text: correct it, or unset it",
            Self::Blank(_) => "is set, but its value is blank: give it a value, or unset it",
        }
    }
}

/// Every variable of this process that is ours and can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(VariableError::to_string).collect::<Vec<_>>().join("\n"))]
pub struct EnvironmentError(pub Vec<VariableError>);

/// Checks every variable whose name begins with `HOMEPOT_`. Programs call it before they read any setting, because
/// the parsers of flags neither name a variable that is no text nor mind one that is blank.
pub fn check() -> Result<(), EnvironmentError> {
    check_all(std::env::vars_os())
}

fn check_all(variables: impl Iterator<Item = (OsString, OsString)>) -> Result<(), EnvironmentError> {
    let ours = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let mut faults: Vec<_> = ours
        .filter(|(name, _)| name.starts_with(PREFIX))
        .filter_map(|(name, value)| text(&name, Some(value)).err())
        .collect();
    faults.sort_by_key(ToString::to_string);
    if faults.is_empty() { Ok(()) } else { Err(EnvironmentError(faults)) }
}

/// The value of a variable; `None` only where it is not set.
pub fn variable(name: &str) -> Result<Option<String>, VariableError> {
    text(name, std::env::var_os(name))
}

/// A variable that other programs define, such as `HOME`; an empty one counts as not set, as the XDG specification says.
pub fn of_the_system(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str, value: Option<impl AsRef<OsStr>>) -> Result<Option<String>, VariableError> {
    let Some(value) = value else { return Ok(None) };
    let text = value.as_ref().to_str().ok_or_else(|| VariableError::NotText(name.to_owned()))?;
    if text.trim().is_empty() {
        return Err(VariableError::Blank(name.to_owned()));
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    fn checked(variables: &[(&str, &[u8])]) -> Result<(), EnvironmentError> {
        check_all(variables.iter().map(|(name, value)| ((*name).into(), OsStr::from_bytes(value).to_owned())))
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_not_one_that_is_not_set() {
        assert_eq!(text("HOMEPOT_TOKEN", None::<&str>), Ok(None));
        assert_eq!(text("HOMEPOT_TOKEN", Some("hpo_x")), Ok(Some("hpo_x".to_owned())));
        let stray = OsStr::from_bytes(b"hpo_x\xff");
        assert_eq!(text("HOMEPOT_TOKEN", Some(stray)), Err(VariableError::NotText("HOMEPOT_TOKEN".to_owned())));
        for blank in ["", " ", "\t\n"] {
            assert_eq!(text("HOMEPOT_TOKEN", Some(blank)), Err(VariableError::Blank("HOMEPOT_TOKEN".to_owned())));
        }
    }

    #[test]
    fn all_faults_are_told_at_once_without_values_and_other_programs_variables_are_theirs() {
        let told =
            checked(&[("HOMEPOT_Z", b" "), ("HOMEPOT_A", b"secret\xff"), ("HOMEPOT_B", b"x"), ("LANG", b"\xff")])
                .unwrap_err();
        let names: Vec<_> = told.to_string().lines().map(|line| line[..9].to_owned()).collect();
        assert_eq!(names, ["HOMEPOT_A", "HOMEPOT_Z"]);
        assert!(!told.to_string().contains("secret"));
        assert_eq!(checked(&[("HOMEPOT_B", b"x"), ("EMPTY", b"")]), Ok(()));
    }
}
