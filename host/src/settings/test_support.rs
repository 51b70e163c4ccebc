//! Reads flags for a test, out of reach of the process' own environment.

use clap::{Args, Command, builder::Resettable};

use super::{Reader, Surroundings};
use crate::environment::VariableError;

/// Reads `flags` beside `variables`: what `read` makes of them, or the faults as people see them. The process counts as
/// root's where no variable is given.
///
/// # Panics
///
/// Where a flag is not one of `F`.
pub fn read<F: Args, T>(
    flags: &[&str],
    variables: &[(&str, &str)],
    read: impl FnOnce(F, &mut Reader<'_>) -> T,
) -> Result<T, Vec<String>> {
    let command = F::augment_args(Command::new("test")).mut_args(|arg| arg.env(Resettable::Reset));
    let matches = command.try_get_matches_from(["test"].iter().chain(flags)).expect("flags of these settings");
    let flags = F::from_arg_matches(&matches).expect("flags of these settings");
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        match found {
            Some((_, value)) if value.trim().is_empty() => Err(VariableError::Blank(name.to_owned())),
            found => Ok(found.map(|(_, value)| (*value).to_owned())),
        }
    };
    let mut reader = Reader::new(Surroundings { variable: &variable, is_root: variables.is_empty() });
    let value = read(flags, &mut reader);
    reader.finish(value).map_err(|error| error.0.iter().map(ToString::to_string).collect())
}
