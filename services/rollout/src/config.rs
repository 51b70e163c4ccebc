//! `UPDATE_CONFIG`: values of one device, and a rollout that brings them to it, as one command of the ledger.

use homepot::{
    Error, Kind,
    model::{Faults, JsonObject, RolloutId, RolloutOrder, VariableName, to_proto_duration},
    pb::{command::v1 as command_pb, rollout::v1 as pb},
};
use homepot_hints::Topic;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    commands::{Inserted, NewRow},
    config_updates as rows,
    rollouts::Candidate,
    runs::Starter,
};
use serde_json::Value;
use uuid::Uuid;

use crate::Rollouts;

/// Names the release instead of values, or beside them.
const VERSION: &str = "config_version";
/// Where clients wrap the values.
const WRAPPERS: [&str; 2] = ["config", "parameters"];

/// What a payload asks for.
#[cfg_attr(test, derive(Debug, PartialEq, Eq))]
struct Wanted {
    /// `None`: the device's own value goes.
    values: Vec<(VariableName, Option<String>)>,
    version: Option<String>,
}

impl Wanted {
    /// Reads a payload: a merge patch (RFC 7396) of the device's own values, by itself or as `config` or `parameters`, and the version of
    /// a release.
    fn read(payload: Option<&JsonObject>) -> Result<Self, Error> {
        let (mut faults, mut values, mut version, mut is_empty) = (Faults::new(), Vec::new(), None, true);
        let mut left: Vec<(&str, &str, &Value)> =
            payload.into_iter().flatten().map(|(name, value)| ("payload", name.as_str(), value)).rev().collect();
        while let Some((way, name, value)) = left.pop() {
            let field = format!("{way}.{name}");
            match value {
                Value::Object(wrapped) if way == "payload" && WRAPPERS.contains(&name) => {
                    let way = if name == WRAPPERS[0] { "payload.config" } else { "payload.parameters" };
                    left.extend(wrapped.iter().map(|(name, value)| (way, name.as_str(), value)).rev());
                    continue;
                }
                Value::String(text) if way == "payload" && name == VERSION => {
                    version = Some(text.clone());
                    continue;
                }
                _ => {}
            }
            is_empty = false;
            let text = match value {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                Value::Bool(flag) => Some(flag.to_string()),
                Value::Number(number) if number.is_i64() => Some(number.to_string()),
                Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                    faults.add(&field, "must be a text, a whole number, true, false or null");
                    continue;
                }
            };
            if text.as_ref().is_some_and(|text| text.contains('\0')) {
                faults.add(&field, "holds a NUL character");
            }
            values.extend(faults.take(VariableName::parse_as(&field, name)).map(|name| (name, text)));
        }
        if is_empty && version.is_none() {
            faults.add("payload", "must hold values of variables, or a config_version");
        }
        faults.finish(Some(Self { values, version }))
    }
}

impl Rollouts {
    /// Queues the command for a device that takes releases; `None`: it takes none.
    pub async fn update_config(&self, caller: &OperatorCaller, row: NewRow) -> Result<Option<Inserted>, Error> {
        let pk = row.pk;
        let find = move |conn: &mut _| Ok((rows::takes_releases(conn, pk)?, rows::release_of(conn, pk)?));
        let (true, told) = self.store.run("release_of_device", find).await? else { return Ok(None) };
        let wanted = Wanted::read(row.command.payload.as_ref())?;
        let (told, name) = told.ok_or_else(|| {
            let told = "the device was not told to have any release yet; start a rollout of one first";
            Error::new(Kind::Conflict, told)
        })?;
        let release_id = match wanted.version {
            None => told,
            Some(version) => {
                let missing = format!("there is no release {name} {version}");
                let find = move |conn: &mut _| rows::release_named(conn, &name, &version);
                let found = self.store.run("release_by_version", find).await?;
                found.ok_or_else(|| Error::invalid("payload.config_version", missing))?
            }
        };
        let settler = self.settler(self.installable(release_id).await?).await?;
        settler.check_own("payload", &wanted.values)?;
        let request = pb::StartRolloutRequest {
            release_id: release_id.to_string(),
            target: Some(command_pb::Target {
                device_ids: vec![row.command.device_id.to_string()],
                ..Default::default()
            }),
            soak: Some(prost_types::Duration::default()),
            // The caller waits no longer.
            silence: Some(to_proto_duration(row.command.time_to_live)),
            description: format!("UPDATE_CONFIG, command {}", row.command_id),
            ..Default::default()
        };
        let order = RolloutOrder::try_from(request)?;
        let starter = Starter { name: caller.name.to_string(), scope: caller.scope.clone(), expected_devices: None };
        let queue = move |conn: &mut _| {
            let settle = |conn: &mut _, candidates: &[Candidate]| {
                let settled = settler.settle_sealed(conn, candidates)?;
                match settled.iter().find_map(|settled| settled.as_ref().err()) {
                    Some(reason) => Err(Error::invalid("payload", reason.clone()).into()),
                    None => Ok(settled),
                }
            };
            rows::queue(conn, &row, &wanted.values, RolloutId(Uuid::now_v7()), &order, &starter, settle)
        };
        let inserted = self.store.run("queue_config_update", queue).await?;
        self.hints.tell(Topic::Rollouts);
        Ok(Some(inserted))
    }

    /// Ends commands whose devices have ended, and tells those who watch the ledger.
    pub(crate) async fn settle_config_updates(&self) {
        match self.store.run("settle_config_updates", rows::settle).await {
            Ok(settled) => {
                for command in &settled {
                    tracing::info!(command_id = %command.command_id, device_id = %command.device_id,
                        state = command.state.as_str(), "command ended");
                }
                if !settled.is_empty() {
                    self.hints.tell(Topic::Ledger);
                }
            }
            Err(error) => tracing::warn!(%error, "settle commands that update configurations"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(payload: &Value) -> Result<Wanted, Error> {
        Wanted::read(payload.as_object())
    }

    #[test]
    fn a_payload_is_a_merge_patch_or_names_a_version() {
        let values = |payload| -> Vec<(String, Option<String>)> {
            let wanted = read(&payload).unwrap();
            wanted.values.into_iter().map(|(name, text)| (name.to_string(), text)).collect()
        };
        let expected = [("host", Some("pot")), ("on", Some("true")), ("port", Some("81")), ("tax", None)];
        let expected = expected.map(|(name, text)| (name.to_owned(), text.map(str::to_owned)));
        let plain = json!({"host": "pot", "on": true, "port": 81, "tax": null});
        assert_eq!(values(plain.clone()), expected);
        assert_eq!(values(json!({ "config": plain })), expected);
        assert_eq!(values(json!({ "parameters": plain })), expected);
        let versioned = read(&json!({"config_version": "7"})).unwrap();
        assert_eq!(versioned, Wanted { values: Vec::new(), version: Some("7".to_owned()) });
    }

    #[test]
    fn a_payload_that_is_none_tells_every_fault_by_its_field() {
        let fields = |payload| -> Vec<String> {
            let error = read(&payload).unwrap_err();
            error.field_violations().iter().map(|fault| fault.field.clone()).collect()
        };
        assert_eq!(fields(json!({})), ["payload"]);
        assert_eq!(fields(json!({ "config": {} })), ["payload"]);
        let faulty = json!({"config": {"Host": "x", "list": [1]}, "price": 1.5});
        assert_eq!(fields(faulty), ["payload.config.Host", "payload.config.list", "payload.price"]);
        assert_eq!(Wanted::read(None).unwrap_err().field_violations()[0].field, "payload");
    }
}
