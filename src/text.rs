//! Text of others, made fit to be shown: a device's name may hold letters that move a terminal's cursor, turn the line
//! around, or can't be seen.

use std::fmt::Write as _;

/// Format characters (general category Cf) of Unicode 16, the controls of writing direction among them.
const FORMAT: &[(u32, u32)] = &[
    (0x00AD, 0x00AD),
    (0x0600, 0x0605),
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x180E, 0x180E),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x2064),
    (0x2066, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0x1_10BD, 0x1_10BD),
    (0x1_10CD, 0x1_10CD),
    (0x1_3430, 0x1_343F),
    (0x1_BCA0, 0x1_BCA3),
    (0x1_D173, 0x1_D17A),
    (0xE_0001, 0xE_0001),
    (0xE_0020, 0xE_007F),
];

/// Whether a terminal obeys the character, or a reader can't see it: controls, format characters (Cf), and separators of
/// lines (Zl) and paragraphs (Zp).
pub fn is_hidden(c: char) -> bool {
    let code = u32::from(c);
    let is_format = || FORMAT.iter().any(|(first, last)| (*first..=*last).contains(&code));
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || (code > 0x7F && is_format())
}

/// A text for one line, with what is hidden written out: `\n`, `\u{202e}`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

/// The same for a text of several lines, which stay.
pub fn visible_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

/// A JSON text, with what is hidden in its strings escaped as JSON escapes it: it means the same.
pub fn visible_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // A String takes whatever it is given.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_nobody_sees_is_written_out() {
        for (text, shown) in [
            ("till 7 東京本店 naïve 🛒", "till 7 東京本店 naïve 🛒"),
            ("a\u{202E}b", "a\\u{202e}b"),
            ("a\u{200B}b\u{2028}c\u{2029}", "a\\u{200b}b\\u{2028}c\\u{2029}"),
            ("\u{1b}[2J\r\n\t\u{9b}", "\\u{1b}[2J\\r\\n\\t\\u{9b}"),
            ("\u{2066}x\u{2069}\u{FEFF}\u{E0041}", "\\u{2066}x\\u{2069}\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(visible_lines("a\u{200B}\nb\r\n"), "a\\u{200b}\nb\\r\n");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({ "name": "a\u{202E}b\u{E0041}\u{7f}\n", "more": [1] });
        for text in [value.to_string(), format!("{value:#}")] {
            let shown = visible_json(&text);
            assert!(shown.chars().all(|c| c == '\n' || !is_hidden(c)), "{shown}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
