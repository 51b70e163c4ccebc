//! `homepot ctl devices label`.

use std::collections::HashMap;

use homepot::pb::registry::v1 as pb;
use serde_json::{Value, json};

use super::{
    calls::answer,
    out::Out,
    table::{Column, Record, column},
};
use crate::client::Client;

/// A change of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LabelChange {
    Set(String, String),
    Remove(String),
}

impl std::str::FromStr for LabelChange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let change = match text.split_once('=') {
            Some((key, value)) => Some(Self::Set(key.to_owned(), value.to_owned())),
            None => text.strip_suffix('-').map(|key| Self::Remove(key.to_owned())),
        };
        let named = |change: &Self| matches!(change, Self::Set(key, _) | Self::Remove(key) if !key.is_empty());
        change.filter(named).ok_or_else(|| format!("'{text}' is neither key=value nor key-"))
    }
}

fn apply(labels: &mut HashMap<String, String>, changes: &[LabelChange]) {
    for change in changes {
        match change {
            LabelChange::Set(key, value) => labels.insert(key.clone(), value.clone()),
            LabelChange::Remove(key) => labels.remove(key),
        };
    }
}

struct Label(String, String);

impl Record for Label {
    const COLUMNS: &'static [Column<Self>] =
        &[column("LABEL", |label, _| (&label.0).into()), column("VALUE", |label, _| (&label.1).into())];

    fn json(&self) -> Value {
        json!({ "key": self.0, "value": self.1 })
    }
}

pub(super) async fn run(client: &Client, out: &Out, device_id: String, changes: &[LabelChange]) -> anyhow::Result<()> {
    let mut registry = client.registry();
    let found = answer(registry.get_device(pb::GetDeviceRequest { device_id: device_id.clone() }).await)?;
    let mut device = found.device.unwrap_or_default();
    if !changes.is_empty() {
        let mut labels = device.labels;
        apply(&mut labels, changes);
        let request = pb::UpdateDeviceRequest { device_id, labels: Some(pb::Labels { labels }), ..Default::default() };
        device = answer(registry.update_device(request).await)?.device.unwrap_or_default();
    }
    if out.is_json() {
        return out.document(&device.json()["labels"]);
    }
    let mut labels: Vec<_> = device.labels.into_iter().map(|(key, value)| Label(key, value)).collect();
    labels.sort_by(|one, other| one.0.cmp(&other.0));
    out.list(&labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read_and_leave_other_labels_alone() {
        let read = |text: &str| text.parse::<LabelChange>();
        let mut labels: HashMap<_, _> =
            [("tier", "pos"), ("floor", "1")].map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let changes = ["tier-", "ring=canary", "empty="].map(|text| read(text).unwrap());
        apply(&mut labels, &changes);
        let mut told: Vec<_> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        told.sort();
        assert_eq!(told, ["empty=", "floor=1", "ring=canary"]);
        // A value may end in what takes a label away.
        assert_eq!(read("a=b-"), Ok(LabelChange::Set("a".into(), "b-".into())));
        for bad in ["tier", "=x", "-", ""] {
            assert!(read(bad).unwrap_err().contains("neither"), "{bad}");
        }
    }
}
