//! A log line as one JSON object without lists or objects in it, so that lines are found by a field's name alone: what an event
//! says, and beside it what the spans say in which it happened, such as the request's id.

use std::fmt::{self, Debug};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// Writes such lines. The spans' fields have to be written as JSON.
pub(super) struct Json;

impl<S> FormatEvent<S, JsonFields> for Json
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line::default();
        line.add("timestamp", time.into());
        line.add("level", metadata.level().as_str().into());
        line.add("target", metadata.target().into());
        event.record(&mut line);
        // From the innermost outwards: what the event itself says counts, and then what is nearest to it.
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
            let fields: Map<String, Value> = serde_json::from_str(&fields.fields).unwrap_or_default();
            for (name, value) in fields {
                line.add(&name, value);
            }
        }
        line.write(&mut writer)
    }
}

/// The fields of a line, in the order in which they came.
#[derive(Default)]
struct Line(Vec<(String, Value)>);

impl Line {
    /// Adds a field, unless there is one of that name.
    fn add(&mut self, name: &str, value: Value) {
        if self.0.iter().all(|(known, _)| known != name) {
            self.0.push((name.to_owned(), value));
        }
    }

    fn write(self, writer: &mut Writer<'_>) -> fmt::Result {
        for (place, (name, value)) in self.0.into_iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            write!(writer, "{before}{}:{value}", Value::from(name))?;
        }
        writeln!(writer, "}}")
    }
}

impl Visit for Line {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field.name(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field.name(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field.name(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use parking_lot::Mutex;
    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let written = Written::default();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Json)
            .with_writer(written.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        let text = String::from_utf8(written.0.lock().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_what_its_spans_say_beside_what_it_says_itself() {
        let lines = lines(|| {
            let outer = tracing::info_span!("outer", request_id = "r-1", peer = "192.0.2.1", method = "outer");
            let _outer = outer.entered();
            let inner = tracing::info_span!("inner", method = "inner", device_id = tracing::field::Empty).entered();
            inner.record("device_id", "till-7");
            tracing::info!(count = 7, share = 0.5, is_new = true, why = ?Some("x"), "said \"so\"");
            tracing::warn!(method = "own", level = "mine", "again");
        });
        let first = &lines[0];
        assert_eq!((first["message"].as_str(), first["level"].as_str()), (Some("said \"so\""), Some("INFO")));
        assert_eq!((first["count"].as_i64(), first["share"].as_f64()), (Some(7), Some(0.5)));
        assert_eq!((first["is_new"].as_bool(), first["why"].as_str()), (Some(true), Some("Some(\"x\")")));
        assert_eq!((first["request_id"].as_str(), first["peer"].as_str()), (Some("r-1"), Some("192.0.2.1")));
        assert_eq!((first["method"].as_str(), first["device_id"].as_str()), (Some("inner"), Some("till-7")));
        assert!(first["timestamp"].as_str().unwrap().ends_with('Z') && first["target"].is_string());
        let second = &lines[1];
        assert_eq!((second["method"].as_str(), second["level"].as_str()), (Some("own"), Some("WARN")));
    }
}
