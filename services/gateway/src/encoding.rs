//! Turns the bytes of a body into the text they stand for: compressed bodies, and marks of byte order.

use std::{borrow::Cow, io::Read};

use flate2::read::MultiGzDecoder;
use http::{HeaderMap, StatusCode, header};

use crate::{
    body::too_large,
    error::{ApiError, Fault},
};

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
const UTF16_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// The text of a body of up to `limit` bytes, whatever its size while it was compressed.
pub(crate) fn decoded<'a>(headers: &HeaderMap, bytes: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>, ApiError> {
    let mut text = match encoding(headers)? {
        Encoding::Plain => Cow::Borrowed(bytes),
        Encoding::Gzip => Cow::Owned(unzip(bytes, limit)?),
    };
    if UTF16_MARKS.iter().any(|mark| text.starts_with(mark)) {
        let told = "JSON decode error: the body is UTF-16; send it as UTF-8";
        return Err(ApiError::invalid(vec![Fault::of_body("json_invalid", told)]));
    }
    // Some tools put a mark before UTF-8. It says nothing, and no JSON begins with it.
    if text.starts_with(UTF8_MARK) {
        text = match text {
            Cow::Borrowed(text) => Cow::Borrowed(&text[UTF8_MARK.len()..]),
            Cow::Owned(mut text) => {
                text.drain(..UTF8_MARK.len());
                Cow::Owned(text)
            }
        };
    }
    Ok(text)
}

#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Gzip,
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, ApiError> {
    let mut found = Encoding::Plain;
    for value in headers.get_all(header::CONTENT_ENCODING) {
        found = match (found, value.as_bytes().to_ascii_lowercase().as_slice()) {
            (found, b"" | b"identity") => found,
            (Encoding::Plain, b"gzip" | b"x-gzip") => Encoding::Gzip,
            _ => {
                let told = "This Content-Encoding is not supported; send the body as it is, or as gzip";
                return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, told));
            }
        };
    }
    Ok(found)
}

/// Reads one byte past the limit at most: however much a small body would become, no more than that is ever held.
fn unzip(bytes: &[u8], limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut text = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(limit as u64 + 1).read_to_end(&mut text);
    if text.len() > limit {
        return Err(too_large(limit));
    }
    read.map_err(|_| {
        let told = "The body is not gzip, though Content-Encoding says so";
        ApiError::invalid(vec![Fault::of_body("gzip_invalid", told)])
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn zipped(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: &str, bytes: &[u8]) -> Result<String, u16> {
        let headers = [(header::CONTENT_ENCODING, encoding.parse().unwrap())].into_iter().collect();
        let text = decoded(&headers, bytes, 1_000).map_err(|error| error.status().as_u16())?;
        Ok(String::from_utf8(text.into_owned()).unwrap())
    }

    #[test]
    fn a_compressed_body_is_read_and_one_that_would_become_too_large_is_not() {
        assert_eq!(read("gzip", &zipped(b"{}")), Ok("{}".to_owned()));
        assert_eq!(read("GZIP", &zipped(&[b' '; 1_000])), Ok(" ".repeat(1_000)));
        let bomb = zipped(&vec![b' '; 64 * 1024 * 1024]);
        assert!(bomb.len() < 100_000);
        assert_eq!(read("gzip", &bomb), Err(413));
        assert_eq!(read("gzip", b"{}"), Err(422));
        assert_eq!(read("gzip", &zipped(b"{}")[..12]), Err(422));
        assert_eq!(read("br", b"{}"), Err(415));
        assert_eq!(read("identity", b"{}"), Ok("{}".to_owned()));
    }

    #[test]
    fn a_mark_of_byte_order_is_no_fault_of_utf8_and_told_of_utf16() {
        assert_eq!(read("", b"\xef\xbb\xbf{}"), Ok("{}".to_owned()));
        assert_eq!(read("gzip", &zipped(b"\xef\xbb\xbf{}")), Ok("{}".to_owned()));
        assert_eq!(read("", b"\xff\xfe{\0}\0"), Err(422));
    }
}
