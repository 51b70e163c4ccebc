//! The objects of a call, by the ids in its request and its answer.

use std::{collections::BTreeMap, fmt};

use homepot::model::Secret;

/// Values that are told of one field.
const MAX_VALUES: usize = 20;
/// Letters that are told of one value: a request that was refused may hold anything.
const MAX_LETTERS: usize = 128;

/// The values of each field, in short: few of many, and no secret in full.
#[derive(Debug, Default)]
pub(super) struct Objects(BTreeMap<&'static str, Values>);

#[derive(Debug, Default)]
struct Values {
    told: Vec<String>,
    more: usize,
}

impl Objects {
    /// Adds a value of a field; an empty one is none.
    pub(super) fn add(&mut self, field: &'static str, value: &str) {
        if value.is_empty() {
            return;
        }
        let values = self.0.entry(field).or_default();
        match values.told.len() < MAX_VALUES {
            true => values.told.push(shown(value)),
            false => values.more += 1,
        }
    }

    /// Takes over the fields of `newer`, whatever they were before.
    pub(super) fn replace(&mut self, newer: Self) {
        self.0.extend(newer.0);
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (field, values)) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{field}={}", values.told.join(","))?;
            if values.more > 0 {
                write!(f, ",+{}", values.more)?;
            }
        }
        Ok(())
    }
}

/// A value as the line has it: of a secret only its public letters, as somebody may send one in place of its id; a long value
/// cut; and what could be taken for another part of the line quoted.
fn shown(value: &str) -> String {
    let value = match Secret::public_letters_within(value) {
        Some(public) => format!("{public}…"),
        None => value.chars().take(MAX_LETTERS).collect(),
    };
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_.:@/…".contains(letter);
    if value.chars().all(is_plain) { value } else { format!("{value:?}") }
}

#[cfg(test)]
mod tests {
    use homepot::model::SecretKind;

    use super::*;

    fn line(values: &[(&'static str, &str)]) -> String {
        let mut objects = Objects::default();
        values.iter().for_each(|(field, value)| objects.add(field, value));
        objects.to_string()
    }

    #[test]
    fn a_secret_in_place_of_an_id_shows_its_public_letters_only() {
        for kind in SecretKind::ALL {
            let secret = Secret::from_random(kind, [7; 32]);
            let public = secret.public_id(kind).unwrap();
            assert_eq!(line(&[("token_id", secret.reveal())]), format!("token_id={public}…"));
            assert_eq!(line(&[("token_id", public)]), format!("token_id={public}"));
            let wrapped = line(&[("device_id", &format!("key: {}", secret.reveal()))]);
            assert_eq!(wrapped, format!("device_id={public}…"));
        }
    }

    #[test]
    fn no_value_can_be_taken_for_another_part_of_the_line() {
        let line = line(&[("device_id", "x result=ok\n"), ("label_selector", "kind in (till, kiosk)")]);
        assert_eq!(line, r#"device_id="x result=ok\n" label_selector="kind in (till, kiosk)""#);
    }

    #[test]
    fn many_values_are_counted_and_long_ones_are_cut() {
        let mut objects = Objects::default();
        (0..100).for_each(|number| objects.add("device_ids", &format!("d{number}")));
        let told = objects.to_string();
        assert!(told.starts_with("device_ids=d0,d1,") && told.ends_with(",d19,+80"), "{told}");
        assert_eq!(line(&[("site_id", &"x".repeat(1_000))]).len(), "site_id=".len() + MAX_LETTERS);
    }

    #[test]
    fn what_an_answer_names_replaces_what_the_request_named() {
        let mut objects = Objects::default();
        objects.add("name", "ann");
        objects.add("role", "ROLE_VIEWER");
        let mut newer = Objects::default();
        newer.add("name", "ann@bob");
        objects.replace(newer);
        assert_eq!(objects.to_string(), "name=ann@bob role=ROLE_VIEWER");
    }
}
