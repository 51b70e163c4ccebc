//! Structured logs on standard error: for people on a terminal, JSON for everything else.

mod json;

use std::{io::IsTerminal as _, str::FromStr};

use tracing::Subscriber;
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{self, format::JsonFields},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use self::json::Json;
use crate::trace::{self, Exporter, Resources, Shares};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people when standard error is a terminal, else JSON.
    #[default]
    Auto,
    /// One line a person can read.
    Human,
    /// One JSON object a line: what the event says beside `message`, and what is known of the request.
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "auto" => Ok(Self::Auto),
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err(format!("'{word}' is neither 'auto' nor 'human' nor 'json'")),
        }
    }
}

/// Which lines are written, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Directives such as `info` or `info,homepot_link=debug`.
    pub filter: String,
    /// How they look.
    pub format: Format,
}

/// Reads directives such as `info,homepot_link=debug`; the error names the one at fault.
pub fn parse_filter(text: &str) -> Result<Targets, String> {
    text.parse::<Targets>().map_err(|error| format!("'{text}' is not a log filter such as 'info': {error}"))
}

/// Starts logging for the whole process and, where that is asked for, tracing. A second call fails, and so does a filter that
/// can't be read.
pub fn init(settings: &LogSettings, traces: Option<(Shares, Resources)>) -> Result<Option<Exporter>, String> {
    // Spans of traces are no part of log lines.
    let filter = parse_filter(&settings.filter)?.with_target(trace::TARGET, LevelFilter::OFF);
    let registry = tracing_subscriber::registry();
    let (started, exporter) = match traces {
        None => (registry.with(filter).with(lines(settings.format)).try_init(), None),
        Some((shares, resources)) => {
            // Each layer with a filter of its own, so that a quiet log does not end traces.
            let (traces, exporter) = trace::start(shares, &resources);
            let lines = lines(settings.format).with_filter(filter);
            (registry.with(lines).with(traces.into_layer()).try_init(), Some(exporter))
        }
    };
    started.map_err(|error| error.to_string())?;
    Ok(exporter)
}

/// Writes the lines.
fn lines<S>(format: Format) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let stderr = std::io::stderr();
    let human = match format {
        Format::Auto => stderr.is_terminal(),
        Format::Human => true,
        Format::Json => false,
    };
    // A closed standard error must not become a panic in whoever logs.
    let layer = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    match human {
        true => layer.with_ansi(stderr.is_terminal()).boxed(),
        false => layer.fmt_fields(JsonFields::new()).event_format(Json).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_makes_no_sense_is_named() {
        assert!(parse_filter("info,homepot_link=debug").is_ok());
        assert!(parse_filter("homepot_link=loud").unwrap_err().starts_with("'homepot_link=loud' is not a log filter"));
    }
}
