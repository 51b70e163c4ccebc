//! The formats that a caller accepts, by its header `Accept`.

use http::{HeaderMap, StatusCode, header};

use crate::error::ApiError;

/// The form among `offered` that the caller likes best; the first one where it does not say.
///
/// An error says what there is.
pub(super) fn choose(headers: &HeaderMap, offered: &[&'static str]) -> Result<&'static str, ApiError> {
    let told: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let told = told.join(",");
    let mut ranges: Vec<_> = told.split(',').filter_map(range).collect();
    if ranges.is_empty() {
        ranges.push(("*/*".to_owned(), 1.0));
    }
    // Stable: among equals the caller's own order counts.
    ranges.sort_by(|a, b| b.1.total_cmp(&a.1));
    let liked = ranges.iter().filter(|(_, weight)| *weight > 0.0);
    let found = liked.flat_map(|(range, _)| offered.iter().find(|form| matches(range, form)));
    found.copied().next().ok_or_else(|| {
        let told = format!("The answer can be had as {}", offered.join(" or as "));
        ApiError::new(StatusCode::NOT_ACCEPTABLE, told)
    })
}

/// A range of media types, in lower case, with its weight.
fn range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q="))?.parse().ok());
    Some((name, weight.unwrap_or(1.0)))
}

fn matches(range: &str, form: &str) -> bool {
    range == "*/*" || range == form || range.strip_suffix('*').is_some_and(|begin| form.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_gets_what_it_likes_best_of_what_there_is() {
        let chosen = |accept: &[&str]| {
            let headers = accept.iter().map(|value| (header::ACCEPT, value.parse().unwrap())).collect();
            choose(&headers, &["application/json", "text/csv"]).map_err(|error| error.status().as_u16())
        };
        for json in [&[][..], &[""], &["*/*"], &["application/*;q=0.5"], &["text/html, */*;q=0.1"]] {
            assert_eq!(chosen(json), Ok("application/json"), "{json:?}");
        }
        let csv = ["text/csv", "Text/CSV; header=present, */*", "text/*", "application/json;q=0.5,text/csv;q=0.9"];
        for csv in csv {
            assert_eq!(chosen(&[csv]), Ok("text/csv"), "{csv}");
        }
        assert_eq!(chosen(&["text/html", "text/csv;q=0.1"]), Ok("text/csv"));
        for neither in ["text/html", "text/csv;q=0", "application/xml, image/*"] {
            assert_eq!(chosen(&[neither]), Err(406), "{neither}");
        }
    }
}
