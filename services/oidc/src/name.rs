//! The name of an operator, from what the provider calls a person.

use homepot::model::OperatorName;

const LETTERS: usize = 64;

/// `claimed` as the name of an operator: other letters than names may have become `-`. A person without any name is called
/// `person`. `mark` is put behind it where the name is somebody else's.
pub fn operator_name(claimed: Option<&str>, mark: &str) -> Option<OperatorName> {
    let is_good = |letter: &char| letter.is_ascii_alphanumeric() || "._@-".contains(*letter);
    let letters = claimed.unwrap_or_default().trim().chars().map(|letter| if is_good(&letter) { letter } else { '-' });
    let letters: String = letters.skip_while(|letter| !letter.is_ascii_alphanumeric()).collect();
    let base = if letters.is_empty() { "person" } else { &letters };
    let behind = if mark.is_empty() { String::new() } else { format!("-{mark}") };
    let room = LETTERS.saturating_sub(behind.len());
    // All letters are one byte each.
    let base = base.get(..room).unwrap_or(base);
    OperatorName::parse(&format!("{base}{behind}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_is_called_becomes_a_name_that_records_can_have() {
        for (claimed, mark, due) in [
            (Some("ann"), "", "ann"),
            (Some("ann@pot.example"), "", "ann@pot.example"),
            (Some("Zoë Müller"), "", "Zo--M-ller"),
            (Some("--x"), "", "x"),
            (Some("admin"), "3fa2", "admin-3fa2"),
            (Some("…"), "", "person"),
            (None, "3fa2", "person-3fa2"),
        ] {
            assert_eq!(operator_name(claimed, mark).unwrap().as_str(), due, "{claimed:?}");
        }
        let long = operator_name(Some(&"x".repeat(300)), "0123456789abcdef").unwrap();
        assert_eq!(long.as_str().len(), LETTERS);
        assert!(long.as_str().ends_with("x-0123456789abcdef"));
    }
}
