//! What repeats of an error have in common: their message without the numbers and ids in it.

/// Messages are told apart by this many letters.
const MAX_LETTERS: usize = 500;
/// Hexadecimal letters in a row, one digit at least among them, that are an id rather than a word.
const ID_LETTERS: usize = 8;
const MASK: char = '#';

/// `message` with a `#` for each number, UUID and long hexadecimal id, and with single spaces.
pub fn masked(message: &str) -> String {
    let mut masked = String::with_capacity(message.len().min(MAX_LETTERS));
    let mut rest = message.trim();
    while let Some(first) = rest.chars().next() {
        let length = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let (piece, after) = if first.is_whitespace() {
            masked.push(' ');
            rest.split_at(length(char::is_whitespace))
        } else if is_of_word(first) {
            let (word, after) = rest.split_at(length(is_of_word));
            mask_word(word, &mut masked);
            (word, after)
        } else {
            masked.push(first);
            rest.split_at(first.len_utf8())
        };
        debug_assert!(!piece.is_empty());
        rest = after;
    }
    match masked.char_indices().nth(MAX_LETTERS) {
        Some((end, _)) => masked[..end].to_owned(),
        None => masked,
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

fn mask_word(word: &str, masked: &mut String) {
    if uuid::Uuid::try_parse(word).is_ok() {
        masked.push(MASK);
        return;
    }
    for (place, part) in word.split('-').enumerate() {
        if place > 0 {
            masked.push('-');
        }
        mask_part(part, masked);
    }
}

fn mask_part(part: &str, masked: &mut String) {
    let digits = part.strip_prefix("0x").filter(|digits| !digits.is_empty());
    let is_hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    let is_id = part.len() >= ID_LETTERS && is_hex(part) && part.chars().any(|c| c.is_ascii_digit());
    if is_id || digits.is_some_and(is_hex) {
        masked.push(MASK);
        return;
    }
    let mut in_number = false;
    for c in part.chars() {
        let is_digit = c.is_ascii_digit();
        if !(is_digit && in_number) {
            masked.push(if is_digit { MASK } else { c });
        }
        in_number = is_digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ids_are_masked_and_words_stay() {
        let cases = [
            ("Timeout after 3000 ms", "Timeout after # ms"),
            ("order 01890a5d-ac96-774b-bcce-b302099a8057 refused", "order # refused"),
            ("till-17: no paper", "till-#: no paper"),
            ("at 0xdeadbeef, object 5f3c9a1b2d", "at #, object #"),
            ("10.0.0.7:5432 refused  the\n connection", "#.#.#.#:# refused the connection"),
            ("the facade decade is defaced", "the facade decade is defaced"),
            ("Preis: 5€ für Größe 42", "Preis: #€ für Größe #"),
            ("  padded  ", "padded"),
            ("E1042", "E#"),
        ];
        for (message, expected) in cases {
            assert_eq!(masked(message), expected);
        }
    }

    #[test]
    fn what_is_masked_stays_as_it_is_and_is_bounded() {
        for message in ["Timeout after 3000 ms", "a 01890a5d-ac96-774b-bcce-b302099a8057 b", &"é1 ".repeat(4_000)] {
            let once = masked(message);
            assert_eq!(masked(&once), once.trim_end());
            assert!(once.chars().count() <= MAX_LETTERS);
        }
    }
}
