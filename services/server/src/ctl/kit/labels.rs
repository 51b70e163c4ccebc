//! Labels as arguments.

use std::collections::HashMap;

/// A change of one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelChange {
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

/// Makes the changes, one after the other; other labels stay.
pub(crate) fn apply(labels: &mut HashMap<String, String>, changes: &[LabelChange]) {
    for change in changes {
        match change {
            LabelChange::Set(key, value) => labels.insert(key.clone(), value.clone()),
            LabelChange::Remove(key) => labels.remove(key),
        };
    }
}

/// Reads KEY=VALUE; what is no label for other reasons, the server says.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("must be KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
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
