//! Reads a request's query, parameter by parameter, and gathers every fault.

use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use chrono::DateTime;
use homepot::{
    model::{MAX_PAGE_SIZE, PageRequest, to_proto_duration, to_proto_timestamp},
    pb::common::v1::DeviceSource,
};
use homepot_runtime::settings::parse_time;
use http::{HeaderMap, header, request::Parts};
use prost_types::{Duration, Timestamp};

use crate::{
    error::{ApiError, Fault},
    query,
};

/// What the query says. Its names were checked on the way here, by [`query::check`].
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    faults: Vec<Fault>,
    accepts_csv: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // Anything is a list of names and values; what is at fault shows when it is read.
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let faults = query::for_handler(&parts.extensions);
        Ok(Self { pairs, faults, accepts_csv: accepts_csv(&parts.headers) })
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Csv,
}

impl Params {
    /// Every value of `name`, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self.pairs.iter().filter(|(known, value)| known == name && !value.is_empty());
        values.map(|(_, value)| value.clone()).collect()
    }

    /// The value of `name`, which may be given once.
    pub(crate) fn one(&mut self, name: &str) -> Option<String> {
        let mut values = self.all(name);
        if values.len() > 1 {
            return self.fault(name, "too_many", "The parameter is given more than once; give it once");
        }
        values.pop()
    }

    /// True or false; false when it is left out.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        self.word(name, &[("true", true), ("false", false)]).unwrap_or_default()
    }

    /// Size and token of the page that is asked for; 0 and empty when they are left out.
    pub(crate) fn page(&mut self) -> (u32, String) {
        let page_size = self.count("page_size", 1..=MAX_PAGE_SIZE);
        let page_token = self.text("page_token");
        if PageRequest::parse(0, &page_token).is_err() {
            self.fault::<()>("page_token", "value_error", "Value error, is not a token that this list gave");
        }
        (page_size, page_token)
    }

    /// A text; empty when it is left out.
    pub(crate) fn text(&mut self, name: &str) -> String {
        self.one(name).unwrap_or_default()
    }

    /// Adds a fault of a header that a route reads beside the query.
    pub(crate) fn header_fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn fault<T>(&mut self, name: &str, kind: &str, msg: impl Into<String>) -> Option<T> {
        self.faults.push(Fault::of_parameter(name, kind, msg));
        None
    }

    /// A whole number within `range`; 0 when it is left out.
    pub(crate) fn count(&mut self, name: &str, range: RangeInclusive<u32>) -> u32 {
        let Some(text) = self.one(name) else { return 0 };
        let Ok(number) = text.parse::<i64>() else {
            let msg = "Input should be a valid integer, unable to parse string as an integer";
            return self.fault(name, "int_parsing", msg).unwrap_or_default();
        };
        let fault = match u32::try_from(number) {
            Ok(number) if range.contains(&number) => return number,
            Ok(number) if number < *range.start() => ("greater_than_equal", "greater", range.start()),
            Err(_) if number < 0 => ("greater_than_equal", "greater", range.start()),
            _ => ("less_than_equal", "less", range.end()),
        };
        let (kind, side, bound) = fault;
        self.fault(name, kind, format!("Input should be {side} than or equal to {bound}")).unwrap_or_default()
    }

    /// An instant as RFC 3339 has it.
    pub(crate) fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.one(name)?;
        // In a query `+` stands for a space, which many a client that writes `+01:00` does not know.
        match DateTime::parse_from_rfc3339(&text.replace(' ', "+")) {
            Ok(time) => Some(to_proto_timestamp(time.to_utc())),
            Err(_) => self.fault(name, "datetime_parsing", "Input should be a valid datetime with a time zone"),
        }
    }

    /// A span such as `60s`, `5m` or `1h`.
    pub(crate) fn span(&mut self, name: &str) -> Option<Duration> {
        let text = self.one(name)?;
        match parse_time(&text) {
            Ok(span) => Some(to_proto_duration(span)),
            Err(_) => self.fault(name, "time_delta_parsing", "Input should be a time such as 60s, 5m or 1h"),
        }
    }

    /// What one of `words` stands for.
    pub(crate) fn word<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.one(name)?;
        if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*meaning);
        }
        let quoted: Vec<_> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
        self.fault(name, "enum", format!("Input should be {}", quoted.join(" or ")))
    }

    /// Real or simulated devices, as the parameter `source` tells; unspecified when it is left out.
    pub(crate) fn source(&mut self) -> i32 {
        let words = [("real", DeviceSource::Real), ("simulated", DeviceSource::Simulated)];
        self.word("source", &words).unwrap_or_default().into()
    }

    /// What each value of `name` is to `read`; each that is nothing to it is a fault.
    pub(crate) fn each<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, homepot::Error>) -> Vec<T> {
        let mut values = Vec::new();
        for text in self.all(name) {
            match read(&text) {
                Ok(value) => values.push(value),
                Err(error) => {
                    let reasons = error.field_violations().iter().map(|violation| violation.reason.clone());
                    self.faults.extend(
                        reasons
                            .map(|reason| Fault::of_parameter(name, "value_error", format!("Value error, {reason}"))),
                    );
                }
            }
        }
        values
    }

    /// How the caller wants the answer written: by the parameter `format`, otherwise by `Accept`.
    pub(crate) fn format(&mut self) -> Format {
        let told = self.word("format", &[("json", Format::Json), ("csv", Format::Csv)]);
        told.unwrap_or(if self.accepts_csv { Format::Csv } else { Format::Json })
    }

    /// Answers `value`, or every fault.
    pub(crate) fn finish<T>(self, value: T) -> Result<T, ApiError> {
        if self.faults.is_empty() { Ok(value) } else { Err(ApiError::invalid(self.faults)) }
    }
}

/// True where the first type that the caller names is CSV.
fn accepts_csv(headers: &HeaderMap) -> bool {
    let told = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let first = told.split([',', ';']).next().unwrap_or_default();
    first.trim().eq_ignore_ascii_case("text/csv")
}

#[cfg(test)]
mod tests {
    use homepot::model::Metric;
    use serde_json::{Value, json};

    use super::*;

    async fn params(query: &str, accept: &str) -> Params {
        let request = http::Request::get(format!("/?{query}")).header(header::ACCEPT, accept).body(()).unwrap();
        Params::from_request_parts(&mut request.into_parts().0, &()).await.unwrap()
    }

    fn faults(params: Params) -> Value {
        serde_json::to_value(params.finish(()).unwrap_err().body().detail).unwrap()
    }

    #[tokio::test]
    async fn parameters_are_read_by_name() {
        let mut params =
            params("a=1&a=2&b=2&start=2026-01-31T12:00:00+01:00&end=2026-01-31T11:00:00.5Z&step=5m&what=x", "").await;
        assert_eq!(params.all("a"), ["1", "2"]);
        assert_eq!((params.one("b"), params.count("b", 1..=9), params.count("c", 1..=9)), (Some("2".into()), 2, 0));
        assert_eq!((params.flag("all"), params.page()), (false, (0, String::new())));
        let times = ["start", "end"].map(|name| params.time(name).unwrap());
        assert_eq!(times.map(|time| (time.seconds % 60, time.nanos)), [(0, 0), (0, 500_000_000)]);
        assert_eq!(times[0].seconds, times[1].seconds);
        assert_eq!(params.span("step").unwrap().seconds, 300);
        assert_eq!(params.word("what", &[("x", 7)]), Some(7));
        assert_eq!(params.source(), i32::from(DeviceSource::Unspecified));
        assert!(params.finish(()).is_ok());
    }

    #[tokio::test]
    async fn every_fault_is_told_with_its_parameter() {
        let mut params = params("a=x&b=0&c=10&d=-1&start=yesterday&step=5&what=y&metric=heat&metric=load_1m", "").await;
        for name in ["a", "b", "c", "d"] {
            assert_eq!(params.count(name, 1..=9), 0);
        }
        assert_eq!((params.time("start"), params.span("step")), (None, None));
        assert_eq!(params.word("what", &[("x", 1), ("z", 2)]), None);
        assert_eq!(params.each("metric", Metric::parse), [Metric::Load1m]);
        let told = faults(params);
        let places: Vec<_> = told.as_array().unwrap().iter().map(|fault| fault["loc"].clone()).collect();
        assert_eq!(places, ["a", "b", "c", "d", "start", "step", "what", "metric"].map(|name| json!(["query", name])));
        assert_eq!(told[1]["msg"], "Input should be greater than or equal to 1");
        assert_eq!(told[2]["type"], "less_than_equal");
        assert_eq!(told[3]["type"], "greater_than_equal");
        assert_eq!(told[6]["msg"], "Input should be 'x' or 'z'");
        let of_metric = told[7]["msg"].as_str().unwrap();
        assert!(of_metric.starts_with("Value error, 'heat' is not a metric; there are cpu_percent, "), "{of_metric}");
    }

    #[tokio::test]
    async fn a_parameter_of_one_value_is_not_given_twice() {
        let mut params = params("site_id=a&site_id=b", "").await;
        assert_eq!(params.text("site_id"), "");
        assert_eq!(faults(params)[0]["loc"], json!(["query", "site_id"]));
    }

    #[tokio::test]
    async fn a_page_that_cannot_be_is_told_with_both_its_faults() {
        let mut params = params("page_size=5000&page_token=junk%25", "").await;
        params.page();
        let told = faults(params);
        assert_eq!((&told[0]["loc"][1], &told[1]["loc"][1]), (&json!("page_size"), &json!("page_token")));
    }

    #[tokio::test]
    async fn a_source_is_one_of_two_words() {
        assert_eq!(params("source=simulated", "").await.source(), i32::from(DeviceSource::Simulated));
        let mut odd = params("source=both", "").await;
        odd.source();
        let told =
            json!([{"type": "enum", "loc": ["query", "source"], "msg": "Input should be 'real' or 'simulated'"}]);
        assert_eq!(faults(odd), told);
    }

    #[tokio::test]
    async fn csv_is_asked_for_by_parameter_or_by_header_and_the_parameter_wins() {
        assert_eq!(params("", "").await.format(), Format::Json);
        assert_eq!(params("", "text/csv; header=present, */*").await.format(), Format::Csv);
        assert_eq!(params("", "application/json, text/csv").await.format(), Format::Json);
        assert_eq!(params("format=json", "text/csv").await.format(), Format::Json);
        assert_eq!(params("format=csv", "*/*").await.format(), Format::Csv);
        let mut odd = params("format=xml", "").await;
        odd.format();
        assert_eq!(faults(odd)[0]["loc"], json!(["query", "format"]));
    }
}
