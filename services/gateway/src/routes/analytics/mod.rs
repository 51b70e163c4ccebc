//! What people and applications do: activity, and errors with their repeats.

pub(super) mod activity;
pub(super) mod errors;

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use homepot::pb::common::v1::DeviceSource;
use http::request::Parts;
use prost_types::Duration;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::Fault, headers, params::Params, query, views};

/// Stretches of time of sums by time where no other length is asked for.
const ONE_HOUR: Duration = Duration { seconds: 3_600, nanos: 0 };
const SOURCES: [(&str, DeviceSource); 2] = [("real", DeviceSource::Real), ("simulated", DeviceSource::Simulated)];

/// It is stored.
#[derive(Serialize, ToSchema)]
pub(crate) struct Logged {
    #[schema(example = true)]
    success: bool,
    message: &'static str,
}

/// Whether a simulator plays the caller, by the header `X-Device-Source`.
pub(crate) struct Source(DeviceSource);

impl Source {
    const HEADER: &str = "x-device-source";
}

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let source = headers::text(&parts.headers, Self::HEADER).and_then(|told| {
            let Some(told) = told else { return Ok(DeviceSource::Unspecified) };
            let known = SOURCES.iter().find(|(word, _)| told.eq_ignore_ascii_case(word));
            let msg = "Input should be 'real' or 'simulated'";
            known.map(|(_, source)| *source).ok_or_else(|| Fault::of_header(Self::HEADER, "enum", msg))
        });
        Ok(Self(source.unwrap_or_else(|fault| {
            query::add_for_handler(&mut parts.extensions, fault);
            DeviceSource::Unspecified
        })))
    }
}

/// What the parameter `source` says.
fn source(params: &mut Params) -> i32 {
    params.word("source", &SOURCES).unwrap_or_default().into()
}

/// What sums are told apart by, and by stretches of time of which length. `time` among the words means by time alone.
fn grouping<T: Copy>(params: &mut Params, words: &[(&str, T)]) -> (Option<T>, Option<Duration>) {
    let words: Vec<_> = words.iter().map(|(word, value)| (*word, Some(*value))).chain([("time", None)]).collect();
    let asked = params.word("group_by", &words);
    let by_time = matches!(asked, Some(None));
    (asked.flatten(), params.span("resolution").or(by_time.then_some(ONE_HOUR)))
}

fn token(token: String) -> Option<String> {
    views::text(token)
}

/// The word for a source that a service told.
fn source_word(source: i32) -> &'static str {
    match DeviceSource::try_from(source) {
        Ok(DeviceSource::Simulated) => "simulated",
        _ => "real",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn source_of(value: &str) -> (DeviceSource, Vec<Fault>) {
        let request = http::Request::get("/").header(Source::HEADER, value).body(()).unwrap();
        let mut parts = request.into_parts().0;
        let Ok(Source(source)) = Source::from_request_parts(&mut parts, &()).await;
        (source, query::for_handler(&parts.extensions))
    }

    #[tokio::test]
    async fn a_caller_is_real_unless_it_says_that_it_is_simulated() {
        assert_eq!(source_of("").await, (DeviceSource::Unspecified, Vec::new()));
        assert_eq!(source_of("Simulated").await, (DeviceSource::Simulated, Vec::new()));
        for odd in ["fake", "r\u{e9}el"] {
            let (_, faults) = source_of(odd).await;
            let loc = serde_json::to_value(&faults[0].loc).unwrap();
            assert_eq!(loc, serde_json::json!(["header", "x-device-source"]));
        }
    }

    #[tokio::test]
    async fn sums_by_time_are_of_hours_unless_told() {
        let asked = async |query: &str| {
            let request = http::Request::get(format!("/?{query}")).body(()).unwrap();
            let mut params = Params::from_request_parts(&mut request.into_parts().0, &()).await.unwrap();
            let (group_by, resolution) = grouping(&mut params, &[("type", 1)]);
            params.finish((group_by, resolution.map(|resolution| resolution.seconds)))
        };
        assert_eq!(asked("").await.unwrap(), (None, None));
        assert_eq!(asked("group_by=time").await.unwrap(), (None, Some(3_600)));
        assert_eq!(asked("group_by=time&resolution=1d").await.unwrap(), (None, Some(86_400)));
        assert_eq!(asked("group_by=type").await.unwrap(), (Some(1), None));
        assert_eq!(asked("group_by=type&resolution=2h").await.unwrap(), (Some(1), Some(7_200)));
        assert!(asked("group_by=colour").await.is_err());
    }
}
