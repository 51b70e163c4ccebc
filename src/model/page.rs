//! Pages of lists. A token is the last key of the page before, so that a page never shifts when rows come or go.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Faults, PAGE_BYTES, Weigh};
use crate::error::Error;

/// Rows a page when the caller does not say.
pub const DEFAULT_PAGE_SIZE: u32 = 100;
/// Rows a page at most.
pub const MAX_PAGE_SIZE: u32 = 1_000;

/// Which page a caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows, 1 to [`MAX_PAGE_SIZE`].
    pub size: u32,
    /// Only rows after this key; `None` for the first page.
    pub after: Option<String>,
}

impl PageRequest {
    /// Reads the two fields every list request has.
    pub fn parse(page_size: u32, page_token: &str) -> Result<Self, Error> {
        let mut faults = Faults::new();
        let size = match page_size {
            0 => DEFAULT_PAGE_SIZE,
            _ => page_size,
        };
        if size > MAX_PAGE_SIZE {
            faults.add("page_size", format!("must be 0 to {MAX_PAGE_SIZE}"));
        }
        let bytes = URL_SAFE_NO_PAD.decode(page_token).ok();
        let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|key| !key.contains('\0'));
        if key.is_none() {
            faults.add("page_token", "is not a token that this list gave");
        }
        faults.check()?;
        Ok(Self { size, after: key.filter(|key| !key.is_empty()) })
    }

    /// The key of the page before, read as what this list sorts by.
    pub fn after_as<T: std::str::FromStr>(&self) -> Result<Option<T>, Error> {
        let parse =
            |key: &String| key.parse().map_err(|_| Error::invalid("page_token", "is not a token that this list gave"));
        self.after.as_ref().map(parse).transpose()
    }
}

/// Some rows, and the way to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// Rows in the list's order.
    pub items: Vec<T>,
    /// The key to go on after; `None` on the last page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a page from `size + 1` rows: the extra one tells that there is more.
    pub fn cut(mut items: Vec<T>, size: u32, key: impl Fn(&T) -> String) -> Self {
        let size = size as usize;
        let more = items.len() > size;
        items.truncate(size);
        let next = if more { items.last().map(key) } else { None };
        Self { items, next }
    }

    /// Ends the page before the item with which it would grow beyond [`PAGE_BYTES`]; one item stays, however large.
    #[must_use]
    pub fn within_bytes(mut self, key: impl Fn(&T) -> String) -> Self
    where
        T: Weigh,
    {
        let mut bytes = 0;
        let fits = self.items.iter().take_while(|item| {
            bytes += item.weight();
            bytes <= PAGE_BYTES
        });
        let fits = fits.count().max(1);
        if fits < self.items.len() {
            self.items.truncate(fits);
            self.next = self.items.last().map(key);
        }
        self
    }

    /// The items as an answer has them, and its `next_page_token`, which is empty on the last page.
    pub fn into_answer<U>(self, item: impl FnMut(T) -> U) -> (Vec<U>, String) {
        let next_page_token = self.next_token();
        (self.items.into_iter().map(item).collect(), next_page_token)
    }

    fn next_token(&self) -> String {
        self.next.as_ref().map(|key| URL_SAFE_NO_PAD.encode(key)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        let rows = |after: Option<String>, n: u32| -> Vec<String> {
            ["a", "b", "c"]
                .into_iter()
                .filter(|row| after.as_deref().is_none_or(|after| *row > after))
                .take(n as usize)
                .map(str::to_owned)
                .collect()
        };
        let mut token = String::new();
        let mut seen = Vec::new();
        loop {
            let request = PageRequest::parse(2, &token).unwrap();
            let page = Page::cut(rows(request.after.clone(), request.size + 1), request.size, Clone::clone);
            seen.extend(page.items.clone());
            token = page.next_token();
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, ["a", "b", "c"]);
    }

    #[test]
    fn a_page_ends_by_bytes_too_and_goes_on_where_it_ended() {
        let large = "x".repeat(PAGE_BYTES / 2);
        let page = |items: &[&String]| {
            let items = items.iter().map(|item| (*item).clone()).collect();
            Page { items, next: None }.within_bytes(|item: &String| item.len().to_string())
        };
        let small = "y".to_owned();
        assert_eq!(page(&[&large, &large]).next, None);
        let cut = page(&[&large, &large, &small]);
        assert_eq!((cut.items.len(), cut.next), (2, Some(large.len().to_string())));
        let larger = "x".repeat(PAGE_BYTES + 1);
        assert_eq!(page(&[&larger]).next, None);
        assert_eq!(page(&[&larger, &small]).items.len(), 1);
        assert_eq!(page(&[]).next, None);
    }

    #[test]
    fn what_no_list_gave_is_refused_by_name() {
        assert_eq!(PageRequest::parse(0, "%").unwrap_err().field_violations()[0].field, "page_token");
        assert_eq!(PageRequest::parse(1_001, "").unwrap_err().field_violations()[0].field, "page_size");
        let both = PageRequest::parse(5_000, "junk%").unwrap_err();
        assert_eq!(both.field_violations().len(), 2);
    }
}
