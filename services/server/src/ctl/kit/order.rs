//! The arguments that a single command and a run have in common.

use std::{io::Read as _, time::Duration};

use anyhow::Context as _;
use homepot::model::{JsonObject, MAX_PAYLOAD_BYTES, check_exact, to_proto_duration, to_struct};
use homepot_host::settings::parse_time;
use prost_types::Struct;

use super::status::Usage;

#[derive(Debug, clap::Args)]
pub(crate) struct Order {
    /// Command type: PING, RUN_DIAGNOSTICS, SET_INTERVAL, UPDATE_CONFIG, RESTART_APP, REBOOT, or a type that the device declares.
    #[arg(value_name = "TYPE")]
    pub(crate) command_type: String,
    /// Arguments of the command, as a JSON object: the JSON itself, a file (@FILE) or standard input (-). Process lists
    /// show JSON that is given on the command line.
    #[arg(long, value_name = "JSON|@FILE|-")]
    payload: Option<String>,
    /// How long the command may run once started, such as 30s or 5m [default: 5m].
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    run_timeout: Option<Duration>,
    /// Idempotency key: a second call with the same key queues nothing and shows what the first one queued.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "KEY")]
    pub(crate) key: String,
}

impl Order {
    pub(crate) fn run_timeout(&self) -> Option<prost_types::Duration> {
        self.run_timeout.map(to_proto_duration)
    }

    /// Its arguments, read from where they are.
    pub(crate) fn payload(&self) -> anyhow::Result<Option<Struct>> {
        let Some(given) = self.payload.as_deref() else { return Ok(None) };
        let text = match given.strip_prefix('@') {
            Some(path) => read(std::fs::File::open(path)).with_context(|| format!("payload: can't read {path}"))?,
            None if given == "-" => read(Ok(std::io::stdin())).context("payload: can't read standard input")?,
            None => given.to_owned(),
        };
        let object: JsonObject =
            serde_json::from_str(&text).map_err(|error| Usage(format!("payload: is not a JSON object: {error}")))?;
        // The server would get a rounded number, and could not tell.
        check_exact("payload", &object).map_err(|error| Usage(error.to_string()))?;
        Ok(Some(to_struct(&object)))
    }
}

/// The most bytes to read: the server refuses larger payloads, so reading on would only take memory.
fn read(source: std::io::Result<impl std::io::Read>) -> std::io::Result<String> {
    let mut text = String::new();
    source?.take(16 * MAX_PAYLOAD_BYTES as u64).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(payload: &str) -> Order {
        let payload = Some(payload.to_owned());
        Order { command_type: "PING".into(), payload, run_timeout: None, key: String::new() }
    }

    #[test]
    fn a_payload_is_an_object_in_place_or_in_a_file_and_anything_else_names_the_field() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("payload.json");
        std::fs::write(&path, r#"{"seconds": 5}"#).unwrap();
        let from_file = order(&format!("@{}", path.display())).payload().unwrap();
        assert_eq!(from_file, order(r#"{"seconds":5}"#).payload().unwrap());
        assert!(from_file.unwrap().fields.contains_key("seconds"));
        for bad in ["[1]", "{", "5", "", "@/nowhere/payload.json", r#"{"seconds": 9007199254740993}"#] {
            let error = order(bad).payload().unwrap_err();
            assert!(error.to_string().starts_with("payload: "), "{bad}: {error}");
        }
    }
}
