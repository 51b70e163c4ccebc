//! Lists and series as tables (RFC 4180), from descriptors alone.
//!
//! A list is an answer with one repeated message: its rows. A series is a stream whose messages hold one such list further
//! down, beside fields that are the same for all its rows. A row has a column for each field, in the order of the contract;
//! those of a message in it are named by the way to them, such as `presence.status`.

use std::{io::Write as _, sync::Arc};

use axum::response::{IntoResponse as _, Response};
use http::header;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::Value;

use super::{CURSOR, Shown, message::is_well_known};
use crate::{
    error::ApiError,
    lists::{self, Page, Walk},
};

/// The media type, as it is offered and asked for.
pub(super) const MEDIA_TYPE: &str = "text/csv";
/// Rows that are fetched at once, unless the caller says how many. As many as a page may have.
pub(super) const PAGE_SIZE: u32 = 1_000;

/// Fields of messages further down stand in one cell together.
const DEEPEST: usize = 8;

/// How the answers of a method become rows.
pub(super) struct Table {
    /// The field of a stream's messages that holds the list; `None` where the answer itself does.
    holder: Option<FieldDescriptor>,
    rows: FieldDescriptor,
    /// What is the same for all rows of a list.
    shared: Vec<Column>,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    /// The names of the fields on the way to the value.
    way: Vec<String>,
    is_text: bool,
}

impl Table {
    /// The table that the answers of a method are; `None` where they are none, or where they go on for ever.
    pub(super) fn of(method: &MethodDescriptor) -> Option<Self> {
        let answer = method.output();
        if !method.is_server_streaming() {
            return Self::new(None, list_of(&answer)?);
        }
        if answer.get_field_by_name(CURSOR).is_some() {
            return None;
        }
        let held = answer.fields().filter_map(|field| match field.kind() {
            Kind::Message(message) if !field.is_list() => Some((field, list_of(&message)?)),
            _ => None,
        });
        let (holder, rows) = the_only(held)?;
        Self::new(Some(holder), rows)
    }

    fn new(holder: Option<FieldDescriptor>, rows: FieldDescriptor) -> Option<Self> {
        let Kind::Message(row) = rows.kind() else { return None };
        let shared = match &holder {
            Some(_) => columns(rows.parent_message(), &[], &[rows.name()]),
            None => Vec::new(),
        };
        Some(Self { holder, shared, columns: columns(&row, &[], &[]), rows })
    }

    /// The row of names.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut text = Vec::new();
        row(&mut text, self.shared.iter().chain(&self.columns).map(|column| column.name.clone()));
        text
    }

    /// Adds the rows of one answer to `text`.
    pub(super) fn rows(&self, text: &mut Vec<u8>, answer: &DynamicMessage) -> Result<(), ApiError> {
        let Some(holder) = &self.holder else { return self.rows_of(text, answer) };
        match (answer.has_field(holder), answer.get_field(holder).as_message()) {
            (true, Some(held)) => self.rows_of(text, held),
            _ => Ok(()),
        }
    }

    fn rows_of(&self, text: &mut Vec<u8>, holder: &DynamicMessage) -> Result<(), ApiError> {
        let shared: Vec<_> = match self.shared.is_empty() {
            true => Vec::new(),
            false => {
                let mut alone = holder.clone();
                alone.clear_field(&self.rows);
                cells(&self.shared, alone)?.collect()
            }
        };
        let list = holder.get_field(&self.rows);
        for item in list.as_list().unwrap_or_default() {
            if let Some(item) = item.as_message() {
                row(text, shared.iter().cloned().chain(cells(&self.columns, item.clone())?));
            }
        }
        Ok(())
    }
}

/// The one repeated message of `message`.
fn list_of(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    the_only(message.fields().filter(|field| field.is_list() && matches!(field.kind(), Kind::Message(_))))
}

fn the_only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    items.next().filter(|_| items.next().is_none())
}

fn columns(message: &MessageDescriptor, way: &[String], left_out: &[&str]) -> Vec<Column> {
    let fields = message.fields().filter(|field| !left_out.contains(&field.name()));
    let below = fields.flat_map(|field| {
        let way = [way, &[field.name().to_owned()]].concat();
        match field.kind() {
            Kind::Message(inner)
                if !field.is_list() && !field.is_map() && !is_well_known(&inner) && way.len() < DEEPEST =>
            {
                columns(&inner, &way, &[])
            }
            kind => vec![Column { name: way.join("."), is_text: kind == Kind::String, way }],
        }
    });
    below.collect()
}

/// A message's cells; what is neither a number nor a text stands in them as JSON, and what is not there is empty.
fn cells(columns: &[Column], message: DynamicMessage) -> Result<impl Iterator<Item = String> + '_, ApiError> {
    let object = serde_json::to_value(Shown(message)).map_err(|_| ApiError::internal())?;
    Ok(columns.iter().map(move |column| {
        let value = column.way.iter().try_fold(&object, |value, name| value.get(name));
        match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) if column.is_text => defused(text),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }))
}

/// A text that no spreadsheet takes for a formula: what devices and people call things is not to be run by who opens the file.
fn defused(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn row(text: &mut Vec<u8>, cells: impl Iterator<Item = String>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            text.push(b',');
        }
        if cell.contains([',', '"', '\r', '\n']) {
            // Writing to memory can't fail.
            let _ = write!(text, "\"{}\"", cell.replace('"', "\"\""));
        } else {
            text.extend(cell.as_bytes());
        }
    }
    text.extend(b"\r\n");
}

/// The table of what a walk comes by.
pub(super) async fn body<F>(table: Arc<Table>, walk: Walk<F>) -> Result<Response, ApiError>
where
    F: Fn(u32, String) -> Page<DynamicMessage> + Send + 'static,
{
    let mut head = Some(table.head());
    let body = lists::body(walk, move |answers: Vec<DynamicMessage>, _| {
        let mut text = head.take().unwrap_or_default();
        answers.iter().try_for_each(|answer| table.rows(&mut text, answer))?;
        Ok(text)
    });
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], body.await?).into_response())
}

#[cfg(test)]
mod tests {
    use homepot::pb::{
        FILE_DESCRIPTOR_SET,
        registry::v1 as registry_pb,
        telemetry::v1::{self as telemetry_pb, query_response::Message},
    };
    use prost_reflect::DescriptorPool;
    use prost_types::Timestamp;

    use super::*;

    fn method(service: &str, name: &str) -> MethodDescriptor {
        let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
        let service = pool.get_service_by_name(service).unwrap();
        service.methods().find(|method| method.name() == name).unwrap()
    }

    fn lines(method: &MethodDescriptor, answers: &[impl prost::Message]) -> Vec<String> {
        let table = Table::of(method).unwrap();
        let mut text = table.head();
        for answer in answers {
            let answer = DynamicMessage::decode(method.output(), &*answer.encode_to_vec()).unwrap();
            table.rows(&mut text, &answer).unwrap();
        }
        String::from_utf8(text).unwrap().split_terminator("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_list_has_a_row_for_each_entry_with_the_fields_in_their_order_and_no_formula_in_it() {
        let site = registry_pb::Site {
            site_id: "s".to_owned(),
            name: "=HYPERLINK(\"http://x\")".to_owned(),
            description: "two\nlines".to_owned(),
            created_at: Some(Timestamp { seconds: 0, nanos: 0 }),
            ..Default::default()
        };
        let answer = registry_pb::ListSitesResponse { sites: vec![site], next_page_token: "more".to_owned() };
        let told = lines(&method("homepot.registry.v1.RegistryService", "ListSites"), &[answer]);
        let due = "site_id,name,description,location,open_enrollment,created_at,updated_at";
        assert!(told[0].starts_with(due), "{told:?}");
        let row = "s,\"'=HYPERLINK(\"\"http://x\"\")\",\"two\nlines\",,false,1970-01-01T00:00:00Z,";
        assert!(told[1].starts_with(row), "{told:?}");
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn fields_of_messages_in_a_row_are_named_by_the_way_to_them() {
        let sample = telemetry_pb::Sample { cpu_percent: Some(-1.5), ..Default::default() };
        let stored =
            telemetry_pb::DeviceSample { device_id: "d".to_owned(), sample: Some(sample), ..Default::default() };
        let empty = telemetry_pb::DeviceSample { device_id: "e".to_owned(), ..Default::default() };
        let answer = telemetry_pb::LatestResponse { samples: vec![stored, empty], ..Default::default() };
        let told = lines(&method("homepot.telemetry.v1.TelemetryService", "Latest"), &[answer]);
        let place = told[0].split(',').position(|name| name == "sample.cpu_percent").unwrap();
        let cells = told[1..].iter().map(|line| line.split(',').nth(place).unwrap());
        assert_eq!(cells.collect::<Vec<_>>(), ["-1.5", ""], "a number is no formula, and what is not there is empty");
    }

    #[test]
    fn a_series_has_a_row_for_each_point_with_what_is_true_of_the_whole_series() {
        let points = [1, 2].map(|count| telemetry_pb::Point { count, max: 0.5, ..Default::default() });
        let metric = telemetry_pb::Metric::CpuPercent.into();
        let series =
            telemetry_pb::Series { device_id: "d".to_owned(), metric, points: points.into(), ..Default::default() };
        let answers = [Message::Plan(telemetry_pb::QueryPlan::default()), Message::Series(series)];
        let answers = answers.map(|message| telemetry_pb::QueryResponse { message: Some(message) });
        let told = lines(&method("homepot.telemetry.v1.TelemetryService", "Query"), &answers);
        let cell = |line: &str, name| {
            let place = told[0].split(',').position(|known| known == name).unwrap();
            line.split(',').nth(place).unwrap().to_owned()
        };
        let rows = told[1..].iter().map(|line| ["device_id", "metric", "count", "max"].map(|name| cell(line, name)));
        let row = |count: &str| ["d", "METRIC_CPU_PERCENT", count, "0.5"].map(str::to_owned);
        assert_eq!(rows.collect::<Vec<_>>(), [row("1"), row("2")]);
    }

    #[test]
    fn what_is_no_list_and_what_never_ends_is_no_table() {
        for (service, name) in [
            ("homepot.registry.v1.RegistryService", "GetSite"),
            ("homepot.registry.v1.RegistryService", "SummarizeFleet"),
            ("homepot.registry.v1.RegistryService", "Watch"),
            ("homepot.telemetry.v1.TelemetryService", "Watch"),
        ] {
            assert!(Table::of(&method(service, name)).is_none(), "{name}");
        }
    }

    #[test]
    fn a_map_is_one_cell_whatever_its_keys() {
        let labels = [("tier".to_owned(), "pos".to_owned())].into();
        let device = registry_pb::Device { device_id: "till-7".to_owned(), labels, ..Default::default() };
        let answer = registry_pb::ListDevicesResponse { devices: vec![device], ..Default::default() };
        let told = lines(&method("homepot.registry.v1.RegistryService", "ListDevices"), &[answer]);
        let names: Vec<_> = told[0].trim_end().split(',').collect();
        assert!(names.contains(&"labels") && !told[0].contains("labels."), "{}", told[0]);
        assert!(told[1].contains(r#""{""tier"":""pos""}""#), "{}", told[1]);
    }
}
