//! The data directory.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use homepot_host::settings::{Reader, Surroundings, given_path};

const OF_THE_SYSTEM: &str = "/var/lib/homepot";

/// Flag of the data directory, as it is written.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct DataDirFlags {
    /// Directory of the private database, the first admin's token and the server's secret [default: /var/lib/homepot as
    /// root or without a home directory, else $XDG_DATA_HOME/homepot or ~/.local/share/homepot].
    #[arg(long, env = "HOMEPOT_DATA_DIR", value_name = "DIR", help_heading = "Storage")]
    data_dir: Option<OsString>,
}

impl DataDirFlags {
    /// The directory given, or the platform's; absolute.
    pub(super) fn read(self, reader: &mut Reader<'_>) -> PathBuf {
        if let Some(directory) = given_path(self.data_dir) {
            // Children start elsewhere: the private database must find it from there.
            let absolute = std::path::absolute(&directory).map_err(|error| format!("{}: {error}", directory.display()));
            return reader.keep("data-dir", absolute, directory);
        }
        // A container often has no home. If everything is given that lies there, nothing is written.
        default_of(reader.surroundings()).unwrap_or_else(|| PathBuf::from(OF_THE_SYSTEM))
    }
}

/// The directory that is used when none is given; `None` when there is no home to put it in.
pub(crate) fn default_data_dir() -> Option<PathBuf> {
    default_of(Surroundings::of_this_process())
}

fn default_of(surroundings: Surroundings<'_>) -> Option<PathBuf> {
    if surroundings.is_root {
        return Some(PathBuf::from(OF_THE_SYSTEM));
    }
    // An empty one, or one that is no text, counts as not set, as the XDG specification says.
    let set = |name: &str| (surroundings.variable)(name).ok().flatten();
    let absolute = |name: &str| set(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(Path::new(".local/share"))))?;
    Some(base.join("homepot"))
}
