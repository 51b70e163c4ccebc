//! Reads a header's text. A header that can't be read is an error, and never counts as missing.

use http::HeaderMap;

use crate::error::Fault;

/// The text of the header `name`; `None` when it is left out or empty.
///
/// A header that is given more than once, or that is not visible ASCII, is a fault: whoever sent it meant something.
pub(crate) fn text(headers: &HeaderMap, name: &str) -> Result<Option<String>, Fault> {
    let mut values = headers.get_all(name).iter();
    let (value, another) = (values.next(), values.next());
    if another.is_some() {
        return Err(Fault::of_header(name, "too_many", "The header is given more than once; give it once"));
    }
    let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.to_str() {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(Fault::of_header(name, "string_unicode", "Value should be visible ASCII characters")),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-any", HeaderValue::from_bytes(value).unwrap());
        }
        text(&headers, "x-any").map_err(|fault| fault.kind)
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_and_never_nothing() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b""]), Ok(None));
        assert_eq!(read(&[b"k-1"]), Ok(Some("k-1".to_owned())));
        assert_eq!(read(&["schl\u{fc}ssel".as_bytes()]), Err("string_unicode".to_owned()));
        assert_eq!(read(&[b"a", b"b"]), Err("too_many".to_owned()));
    }
}
