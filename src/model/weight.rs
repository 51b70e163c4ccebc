//! How much an item of a list weighs, so that a page ends by bytes and not only by count.
//!
//! The weight of an item is at least its length on the wire. For free-form objects it also grows with what a parsed value
//! takes in memory: a list of many tiny objects is short as text and large once it is parsed.

use serde_json::Value;

use super::{
    Command, Device, EnrollmentToken, ErrorGroup, JsonObject, Labels, Operator, PlannedDevice, Release, Rollout,
    RolloutDevice, Run, RunDevice, Site, SiteScope, StoredActivity, StoredSample, Target, TrustRoot, VariableValue,
    Whom,
};

/// Bytes in a page at most; only a single item that is larger by itself goes beyond.
pub const PAGE_BYTES: usize = 1 << 20;
/// What the fields of fixed length of any item take, and the framing of its other fields.
const BASE: usize = 256;

/// Something whose weight in an answer is known without encoding it.
pub trait Weigh {
    /// Bytes on the wire at most, or an eighth of the bytes in memory if that is more.
    fn weight(&self) -> usize;
}

impl Weigh for JsonObject {
    fn weight(&self) -> usize {
        80 + self.iter().map(|(key, value)| 16 + key.len() + value.weight()).sum::<usize>()
    }
}

impl Weigh for Value {
    fn weight(&self) -> usize {
        match self {
            Self::String(text) => 8 + text.len(),
            Self::Array(list) => 8 + list.iter().map(|value| 8 + value.weight()).sum::<usize>(),
            Self::Object(object) => object.weight(),
            _ => 12,
        }
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, Weigh::weight)
    }
}

impl Weigh for String {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl Weigh for Labels {
    fn weight(&self) -> usize {
        self.iter().map(|(key, value)| 16 + key.len() + value.len()).sum()
    }
}

impl Weigh for Command {
    fn weight(&self) -> usize {
        let history = self.history.iter().map(|step| 48 + step.cause.len()).sum::<usize>();
        2 * BASE + self.payload.weight() + self.result.weight() + self.reason.weight() + history
    }
}

impl Weigh for Run {
    fn weight(&self) -> usize {
        let texts = self.reason.weight() + self.order.description.weight() + self.order.idempotency_key.weight();
        3 * BASE + self.order.payload.weight() + self.order.target.weight() + texts
    }
}

impl Weigh for Target {
    fn weight(&self) -> usize {
        match &self.whom {
            Whom::Devices(ids) => ids.iter().map(|id| 4 + id.as_str().len()).sum(),
            Whom::Matching { selector, .. } => selector.as_ref().map_or(0, |selector| selector.as_str().len()),
            Whom::Fleet => 0,
        }
    }
}

impl Weigh for Rollout {
    fn weight(&self) -> usize {
        let texts = self.reason.weight() + self.order.description.weight() + self.order.idempotency_key.weight();
        3 * BASE + self.order.target.weight() + texts
    }
}

impl Weigh for RolloutDevice {
    fn weight(&self) -> usize {
        2 * BASE + self.reason.weight()
    }
}

impl Weigh for PlannedDevice {
    fn weight(&self) -> usize {
        let values = self.values.iter().map(|value| BASE + value.value.weight()).sum::<usize>();
        2 * BASE + self.reason.weight() + self.changes.len() * BASE + values
    }
}

impl Weigh for Release {
    fn weight(&self) -> usize {
        // A key's id has 16 letters.
        2 * BASE + self.files.len() * BASE + self.key_ids.len() * 18
    }
}

impl Weigh for TrustRoot {
    fn weight(&self) -> usize {
        BASE + self.signed.len() + (self.root_keys.key_ids.len() + self.release_keys.key_ids.len()) * 18
    }
}

impl Weigh for VariableValue {
    fn weight(&self) -> usize {
        2 * BASE + self.value.weight()
    }
}

impl Weigh for RunDevice {
    fn weight(&self) -> usize {
        2 * BASE + self.reason.weight() + self.result.weight()
    }
}

impl Weigh for StoredSample {
    fn weight(&self) -> usize {
        let temperatures = self.sample.temperatures.iter().map(|reading| 16 + reading.sensor.len()).sum::<usize>();
        2 * BASE + temperatures + self.sample.extra.weight()
    }
}

impl Weigh for StoredActivity {
    fn weight(&self) -> usize {
        let activity = &self.activity;
        let texts = [&activity.page_url, &activity.element_id, &activity.search_query, &activity.session_id];
        BASE + texts.iter().map(|text| text.weight()).sum::<usize>() + activity.metadata.weight()
    }
}

impl Weigh for ErrorGroup {
    fn weight(&self) -> usize {
        let newest = &self.newest;
        let texts = [&newest.error_code, &newest.stack_trace, &newest.endpoint, &newest.user_id];
        let texts = texts.iter().map(|text| text.weight()).sum::<usize>();
        2 * BASE + newest.category.len() + newest.message.len() + texts + newest.context.weight()
    }
}

impl Weigh for Device {
    fn weight(&self) -> usize {
        4 * BASE + self.name.len() + self.labels.weight() + self.config.weight()
    }
}

impl Weigh for Site {
    fn weight(&self) -> usize {
        BASE + self.name.len() + self.description.weight() + self.location.weight()
    }
}

impl Weigh for Operator {
    fn weight(&self) -> usize {
        let sites = match &self.scope {
            SiteScope::All => 0,
            SiteScope::Only(sites) => sites.iter().map(|site| 4 + site.as_str().len()).sum(),
        };
        BASE + sites
    }
}

impl Weigh for EnrollmentToken {
    fn weight(&self) -> usize {
        BASE + self.created_by.len() + self.labels.weight()
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use serde_json::json;

    use super::*;
    use crate::model::to_struct;

    #[test]
    fn an_object_weighs_at_least_what_it_takes_on_the_wire() {
        let many = |value: Value| json!({ "a": vec![value; 1_000] });
        for object in [
            many(json!(1)),
            many(json!(null)),
            many(json!("")),
            many(json!("text")),
            many(json!([])),
            many(json!({})),
            many(json!({"k": 1})),
            json!({"a": {"b": {"c": [true, 1.5, "x"]}}}),
            json!({}),
        ] {
            let object = object.as_object().unwrap();
            assert!(object.weight() >= to_struct(object).encoded_len(), "{object:?}");
        }
    }

    #[test]
    fn tiny_objects_weigh_by_what_they_take_in_memory() {
        // 8 KiB of text, and a map with a node of its own for each object.
        let object = json!({ "a": vec![json!({"k": 1}); 1_000] });
        let object = object.as_object().unwrap();
        assert!(object.weight() > 80 * 1_000);
    }
}
