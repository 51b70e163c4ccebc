//! Levels and format of log lines.

use homepot_host::settings::Reader;

use crate::log::{Format, LogSettings, parse_filter};

/// Flags of the log, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct LogFlags {
    /// What to log: a level (error, warn, info, debug, trace), or levels for single crates such as
    /// info,homepot_link=debug.
    #[arg(long, env = "HOMEPOT_LOG", value_name = "FILTER", default_value = "info", help_heading = "Logs")]
    log: String,

    /// Format of log lines: human, json, or auto, which is human on a terminal and json elsewhere.
    #[arg(long, env = "HOMEPOT_LOG_FORMAT", value_name = "FORMAT", default_value = "auto", help_heading = "Logs")]
    log_format: String,
}

impl LogFlags {
    /// Levels and format, checked.
    pub fn read(self, reader: &mut Reader<'_>) -> LogSettings {
        let filter = parse_filter(&self.log).map(drop);
        reader.keep("log", filter, ());
        let format = self.log_format.parse();
        LogSettings { filter: self.log, format: reader.keep("log-format", format, Format::Auto) }
    }
}
