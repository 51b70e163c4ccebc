//! When a certificate ends. It is four fields into the certificate, so a reader of all of X.509 would be a dozen crates for one
//! date.

use chrono::{DateTime, NaiveDateTime, Utc};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate in DER; `None` where it is not one that can be read.
pub(super) fn end(der: &[u8]) -> Option<DateTime<Utc>> {
    let (certificate, _) = value(der, SEQUENCE)?;
    let (mut fields, _) = value(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = element(fields)?.2;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        fields = element(fields)?.2;
    }
    let (validity, _) = value(fields, SEQUENCE)?;
    let (_, _, rest) = element(validity)?;
    let (tag, text, _) = element(rest)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let read = |text: &str| Some(NaiveDateTime::parse_from_str(text, "%Y%m%d%H%M%S").ok()?.and_utc());
    match tag {
        // Two digits of the year, which mean 1950 to 2049 (RFC 5280, 4.1.2.5.1).
        UTC_TIME => {
            let century = if text.get(..2)? < "50" { "20" } else { "19" };
            read(&format!("{century}{text}"))
        }
        GENERALIZED_TIME => read(text),
        _ => None,
    }
}

/// What the first element holds, which has to have `tag`, and what follows it.
fn value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, _, _)| *found == tag).map(|(_, held, rest)| (held, rest))
}

/// Tag and contents of the first element, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&first, bytes) = bytes.split_first()?;
    let (length, bytes) = match first {
        0..=0x7f => (usize::from(first), bytes),
        // So many bytes of length follow; four are more than any certificate has.
        0x81..=0x84 => {
            let (digits, bytes) = bytes.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), bytes)
        }
        _ => return None,
    };
    let (held, rest) = bytes.split_at_checked(length)?;
    Some((tag, held, rest))
}
