//! Settings of the store: the way to Postgres, and the retention of each kind of data.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use homepot::model::Secret;
use homepot_host::settings::{Reader, given, given_path};

use crate::{StoreConfig, maintenance::Retention};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The longest retention. More data than that needs another kind of store.
const TEN_YEARS: Duration = Duration::from_secs(3_653 * 24 * 3600);

/// Where the database is, as it is written.
#[derive(Clone, Debug, clap::Args)]
pub struct DatabaseAddressFlags {
    /// File that holds the Postgres address, such as postgres://user:password@host/homepot. Servers read it again when
    /// its contents change. You can also give the address itself in HOMEPOT_DATABASE_URL, which has no flag because
    /// process lists show flags. With neither, the server runs a private database in the data directory.
    #[arg(long, env = "HOMEPOT_DATABASE_URL_FILE", value_name = "FILE", help_heading = "Storage")]
    database_url_file: Option<OsString>,
}

/// Flags of the store, as they are written.
#[derive(Clone, Debug, clap::Args)]
pub struct DatabaseFlags {
    #[command(flatten)]
    address: DatabaseAddressFlags,

    /// Database threads, each with a connection: 1 to 256. Half of them serve devices, a quarter operators' calls, and
    /// a quarter operators' reports. Three more connections are for upkeep and for listening.
    #[arg(
        long,
        env = "HOMEPOT_DATABASE_THREADS",
        value_name = "COUNT",
        default_value = "12",
        help_heading = "Storage"
    )]
    database_threads: String,

    /// Database users of servers that run as other users than the one that migrates, separated by commas. Each migration
    /// gives them what servers need: to read and write rows, and to call the schema's functions. They must exist.
    #[arg(long, env = "HOMEPOT_DATABASE_USERS", value_name = "LIST", help_heading = "Storage")]
    database_users: Option<String>,

    #[command(flatten)]
    retention: RetentionFlags,
}

/// Flags of retention, as they are written.
#[derive(Clone, Debug, clap::Args)]
struct RetentionFlags {
    /// Retention of samples: 1d to 10 years. Samples that arrive later than this, or later than 7d, are refused.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_SAMPLES",
        value_name = "TIME",
        default_value = "7d",
        help_heading = "Storage"
    )]
    retention_samples: String,

    /// Retention of per-minute rollups of samples: up to 10 years, and no shorter than that of samples.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_MINUTES",
        value_name = "TIME",
        default_value = "90d",
        help_heading = "Storage"
    )]
    retention_minutes: String,

    /// Retention of per-hour rollups of samples: up to 10 years, and no shorter than that of per-minute rollups.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_HOURS",
        value_name = "TIME",
        default_value = "730d",
        help_heading = "Storage"
    )]
    retention_hours: String,

    /// Retention of user activity: 1d to 10 years.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_ACTIVITIES",
        value_name = "TIME",
        default_value = "30d",
        help_heading = "Storage"
    )]
    retention_activities: String,

    /// Retention of errors of applications: 1d to 10 years.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_ERRORS",
        value_name = "TIME",
        default_value = "90d",
        help_heading = "Storage"
    )]
    retention_errors: String,

    /// Retention of rollouts after their end, with what became of each device: 1d to 10 years.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_ROLLOUTS",
        value_name = "TIME",
        default_value = "730d",
        help_heading = "Storage"
    )]
    retention_rollouts: String,

    /// Time from the end of an hour until its samples are packed: 1m to 10 years. Samples that arrive later have it packed again.
    #[arg(long, env = "HOMEPOT_PACK_AFTER", value_name = "TIME", default_value = "2h", help_heading = "Storage")]
    pack_after: String,
    /// Retention of commands and runs after their end: 1d to 10 years.
    #[arg(
        long,
        env = "HOMEPOT_RETENTION_COMMANDS",
        value_name = "TIME",
        default_value = "400d",
        help_heading = "Storage"
    )]
    retention_commands: String,
}

/// The way to Postgres, and the retention of each kind of data.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// The address, which may hold a password; `None`: a private cluster, whose address is known once it runs.
    pub url: Option<Secret>,
    /// The file that holds the address, if it is in one.
    pub url_file: Option<PathBuf>,
    /// Threads, each with a connection.
    pub threads: usize,
    /// Database users of servers, besides the one that migrates.
    pub users: Vec<String>,
    /// Retention of each kind of data.
    pub retention: Retention,
}

impl DatabaseSettings {
    /// A store that goes by these settings, on the database at `url`: the one given, or that of a private cluster.
    pub fn config(&self, url: impl Into<String>) -> StoreConfig {
        StoreConfig {
            threads: self.threads,
            retention: self.retention,
            database_users: self.users.clone(),
            ..StoreConfig::new(url)
        }
    }
}

impl DatabaseAddressFlags {
    /// The address that is given, of the file or of the variable.
    pub fn read(self, reader: &mut Reader<'_>) -> Option<Secret> {
        let url = reader.secret("database-url", "database-url-file", self.database_url_file).map(Secret::presented)?;
        let is_address = ["postgres://", "postgresql://"].iter().any(|scheme| url.reveal().starts_with(scheme));
        // libpq takes settings such as `host=db dbname=homepot` too; it reads them when the server starts.
        let are_settings = url
            .reveal()
            .split_once('=')
            .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        if !is_address && !are_settings {
            // The text itself may hold a password, so it is not repeated.
            reader.secret_fault("database-url", "is not an address such as postgres://user@host/homepot");
        }
        Some(url)
    }
}

impl DatabaseFlags {
    /// The settings, checked.
    pub fn read(self, reader: &mut Reader<'_>) -> DatabaseSettings {
        DatabaseSettings {
            url_file: given_path(self.address.database_url_file.clone()),
            url: self.address.read(reader),
            threads: reader.count("database-threads", &self.database_threads, 1..=256),
            users: database_users(reader, self.database_users),
            retention: self.retention.read(reader),
        }
    }
}

impl RetentionFlags {
    fn read(self, reader: &mut Reader<'_>) -> Retention {
        let kept = Retention {
            samples: reader.time("retention-samples", &self.retention_samples, DAY..=TEN_YEARS),
            minutes: reader.time("retention-minutes", &self.retention_minutes, DAY..=TEN_YEARS),
            hours: reader.time("retention-hours", &self.retention_hours, DAY..=TEN_YEARS),
            activities: reader.time("retention-activities", &self.retention_activities, DAY..=TEN_YEARS),
            errors: reader.time("retention-errors", &self.retention_errors, DAY..=TEN_YEARS),
            rollouts: reader.time("retention-rollouts", &self.retention_rollouts, DAY..=TEN_YEARS),
            packed_after: reader.time("pack-after", &self.pack_after, MINUTE..=TEN_YEARS),
            commands: reader.time("retention-commands", &self.retention_commands, DAY..=TEN_YEARS),
        };
        let (samples, minutes, hours) = (self.retention_samples, self.retention_minutes, self.retention_hours);
        if kept.minutes < kept.samples {
            reader.fault("retention-minutes", format!("'{minutes}' is shorter than --retention-samples, '{samples}'"));
        }
        if kept.hours < kept.minutes {
            reader.fault("retention-hours", format!("'{hours}' is shorter than --retention-minutes, '{minutes}'"));
        }
        kept
    }
}

fn database_users(reader: &mut Reader<'_>, list: Option<String>) -> Vec<String> {
    let users: Vec<_> =
        given(list).iter().flat_map(|list| list.split(',')).map(|user| user.trim().to_owned()).collect();
    if users.iter().any(String::is_empty) {
        reader.fault("database-users", "has a comma without a user before or after it");
    }
    users
}

#[cfg(test)]
mod tests {
    use homepot_host::settings::test_support;

    use super::*;

    fn read(flags: &[&str], variables: &[(&str, &str)]) -> Result<DatabaseSettings, Vec<String>> {
        test_support::read(flags, variables, DatabaseFlags::read)
    }

    #[test]
    fn a_store_with_no_settings_is_the_usual_one() {
        let settings = read(&[], &[]).unwrap();
        assert!(settings.url.is_none());
        let (config, usual) = (settings.config("postgres://db"), StoreConfig::new("postgres://db"));
        assert_eq!((config.threads, config.retention), (usual.threads, usual.retention));
        assert!(config.database_users.is_empty());
        let settings =
            read(&["--database-threads=3", "--retention-errors=4d", "--database-users=a, B c"], &[]).unwrap();
        assert_eq!(settings.config("postgres://db").database_users, ["a", "B c"]);
        let config = settings.config("postgres://db");
        assert_eq!((config.threads, config.retention.errors), (3, 4 * DAY));
    }

    #[test]
    fn a_list_of_users_has_no_gaps() {
        let told = read(&["--database-users=a,,b"], &[]).unwrap_err();
        assert!(told[0].starts_with("--database-users (HOMEPOT_DATABASE_USERS): has a comma"), "{told:?}");
        assert!(read(&["--database-users="], &[]).unwrap().users.is_empty());
    }

    #[test]
    fn what_is_coarser_is_kept_for_at_least_as_long() {
        let told =
            read(&["--retention-samples=30d", "--retention-minutes=10d", "--retention-hours=9d"], &[]).unwrap_err();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("--retention-minutes (HOMEPOT_RETENTION_MINUTES): "), "{told:?}");
        assert!(told[1].starts_with("--retention-hours (HOMEPOT_RETENTION_HOURS): "), "{told:?}");
        assert_eq!(read(&["--retention-samples=5h"], &[]).unwrap_err().len(), 1);
        let equal = ["--retention-samples=9d", "--retention-minutes=9d", "--retention-hours=9d"];
        assert_eq!(read(&equal, &[]).unwrap().retention.hours, 9 * DAY);
    }

    #[test]
    fn an_address_is_a_url_or_settings_of_libpq_and_is_not_repeated_where_it_is_neither() {
        for address in ["postgres://u:p@db/homepot", "postgresql:///homepot", "host=db dbname=homepot"] {
            let url = read(&[], &[("HOMEPOT_DATABASE_URL", address)]).unwrap().url.unwrap();
            assert_eq!(url.reveal(), address);
        }
        let told = read(&[], &[("HOMEPOT_DATABASE_URL", "mysql://root:secret@db")]).unwrap_err();
        assert_eq!(told, ["HOMEPOT_DATABASE_URL: is not an address such as postgres://user@host/homepot"]);
    }
}
