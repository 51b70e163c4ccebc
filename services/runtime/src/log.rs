//! Structured logs on standard error: for people on a terminal, JSON for everything else.

use std::{io::IsTerminal as _, str::FromStr};

use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people when standard error is a terminal, else JSON.
    #[default]
    Auto,
    /// One line a person can read.
    Human,
    /// One JSON object a line; an event's fields stand at the top, beside `message`.
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

/// Starts logging for the whole process. A second call fails, and so does a filter that can't be read.
pub fn init(settings: &LogSettings) -> Result<(), String> {
    let filter = parse_filter(&settings.filter)?;
    let stderr = std::io::stderr();
    let human = match settings.format {
        Format::Auto => stderr.is_terminal(),
        Format::Human => true,
        Format::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter);
    // A closed standard error must not become a panic in whoever logs.
    let layer = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let started = if human {
        registry.with(layer.with_ansi(stderr.is_terminal())).try_init()
    } else {
        registry.with(layer.json().flatten_event(true).with_current_span(false).with_span_list(true)).try_init()
    };
    started.map_err(|error| error.to_string())
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
