//! What a device of the crash test runs: for RESTART_APP and REBOOT, as in `homepot_tests::torture::deeds`, and for its releases,
//! as in `homepot_tests::torture::updates::looks`.

use std::{env, ffi::OsString, io, path::Path, process::ExitCode};

use homepot_tests::torture::{deeds, updates::looks};

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let variable = |name| env::var(name).map_err(io::Error::other);
    match arguments.as_slice() {
        [word, log] if word == "deed" => deeds::perform(&variable("HOMEPOT_COMMAND_ID")?, Path::new(log)),
        [word, log, prices, menu] => {
            let word = word.to_string_lossy();
            looks::perform(&variable("HOMEPOT_GENERATION")?, &word, Path::new(log), [prices, menu].map(Path::new))?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(io::Error::other("want deed LOG, or reload or health with LOG PRICES MENU")),
    }
}
