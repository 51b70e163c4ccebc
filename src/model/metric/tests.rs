use prost::Message as _;
use prost_types::FileDescriptorSet;

use super::*;
use crate::{contract::field_rule, pb::FILE_DESCRIPTOR_SET};

#[test]
fn a_single_comes_back_as_the_decimal_that_was_written() {
    for value in [0.0, 45.5, 12.34, 0.01, 99.99, 100.0, 33.3, 1_234.56, -0.5, 1e-9, 123_456_790.0, 1.0e30] {
        #[allow(clippy::cast_possible_truncation)]
        let stored = value as f32;
        assert_eq!(shortest_decimal(stored).to_bits(), f64::to_bits(value), "{value}");
    }
    for value in (0..200_000_u32).map(|step| f32::from_bits(step * 20_011)).filter(|value| value.is_finite()) {
        let printed: f64 = value.to_string().parse().unwrap();
        assert_eq!(shortest_decimal(value).to_bits(), printed.to_bits(), "{value}");
    }
}

#[test]
fn every_metric_is_a_field_of_the_protocol_by_the_same_name_and_number() {
    for (place, metric) in Metric::ALL.into_iter().enumerate() {
        let wire = pb::Metric::from(metric);
        assert_eq!(metric as usize, place);
        assert_eq!(wire.as_str_name().strip_prefix("METRIC_"), Some(metric.name().to_uppercase().as_str()));
        assert_eq!(Metric::try_from(i32::from(wire)), Ok(metric));
        assert_eq!(Metric::parse(metric.name()), Ok(metric));
    }
    assert!(Metric::try_from(0).is_err());
    assert!(Metric::try_from(Metric::ALL.len() as i32 + 1).is_err());
    assert!(pb::Metric::try_from(Metric::ALL.len() as i32 + 1).is_err(), "the protocol knows one more");
    // A query may ask for each of them once.
    let most = field_rule("homepot.telemetry.v1.QueryRequest.metrics").unwrap().max_items;
    assert_eq!(most, u32::try_from(Metric::ALL.len()).ok());
}

/// What stands before a field of the message `Sample` in the protocol.
fn comment(field: &str) -> String {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let file = files.into_iter().find(|file| file.package() == "homepot.telemetry.v1").unwrap();
    let message = file.message_type.iter().position(|message| message.name() == "Sample").unwrap();
    let place = file.message_type[message].field.iter().position(|known| known.name() == field).unwrap();
    // Messages are the fourth field of a file, fields the second of a message.
    let path = [4, message as i32, 2, place as i32];
    let locations = file.source_code_info.unwrap().location;
    locations.into_iter().find(|location| location.path == path).unwrap().leading_comments().to_owned()
}

/// An end of a range, as the protocol writes it.
fn end(value: f64) -> String {
    let powers = [((1_i64 << 53) as f64, "2^53"), (f64::from(i32::MAX), "2^31-1"), (i64::MAX as f64, "2^63-1")];
    if let Some((_, power)) = powers.into_iter().find(|(power, _)| *power == value) {
        return power.to_owned();
    }
    if value.abs() >= 1e9 {
        return format!("{value:e}");
    }
    let digits = format!("{value}");
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

#[test]
fn the_protocol_tells_the_range_and_the_name_the_unit_that_the_table_has() {
    macro_rules! ranges {
        ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
            [$({
                let (min, max): (<$value as Value>::Wire, <$value as Value>::Wire) = $range.into_inner();
                (Metric::$metric, min.to_f64(), max.to_f64())
            }),*]
        };
    }
    for (metric, min, max) in metric_table!(ranges) {
        let (told, due) = (comment(metric.name()), format!(": {} to {}.", end(min), end(max)));
        assert!(told.trim_end().ends_with(&due), "{}: '{told}' does not end with '{due}'", metric.name());
    }
    let named = |unit: &str| Metric::ALL.into_iter().filter(|metric| metric.name().ends_with(unit)).collect::<Vec<_>>();
    for (ending, unit) in [("_percent", Unit::Percent), ("_ms", Unit::Milliseconds), ("_seconds", Unit::Seconds)] {
        assert!(!named(ending).is_empty());
        assert!(named(ending).into_iter().all(|metric| metric.unit() == unit), "{ending}");
    }
}

#[test]
fn columns_for_people_stand_in_the_order_of_their_places() {
    let places: Vec<_> = Metric::SHOWN.iter().map(|metric| metric.heading().unwrap().place).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(places.len(), Metric::ALL.iter().filter(|metric| metric.heading().is_some()).count());
}

#[test]
fn aggregates_come_to_the_same_in_any_order() {
    let at = |second| DateTime::from_timestamp(second, 0).unwrap();
    let all = [(3, 1.0), (1, 5.0), (2, -2.0), (3, 4.0)].map(|(second, value)| Aggregate::of(at(second), value));
    let forward = all.into_iter().reduce(Aggregate::merge).unwrap();
    let backward = all.into_iter().rev().reduce(Aggregate::merge).unwrap();
    assert_eq!(forward, backward);
    assert_eq!((forward.count, forward.min, forward.max, forward.last), (4, -2.0, 5.0, 4.0));
    assert_eq!(forward.average(), 2.0);
}
