use homepot::model::JsonObject;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn key() -> Key {
    Key { device: 17, hour: DateTime::from_timestamp(1_795_903_200, 0).unwrap() }
}

fn at(micros: i64) -> DateTime<Utc> {
    key().hour + TimeDelta::microseconds(micros)
}

/// As history keeps it.
fn kept(value: f32) -> f64 {
    shortest_decimal(value)
}

macro_rules! full {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// Every metric measured, and a few of them not.
        fn with_metrics(sample: Sample, values: &[u32], missing: usize) -> Sample {
            let values = values.iter().cycle().enumerate();
            let mut values = values.map(|(place, value)| (place % Metric::ALL.len() != missing).then_some(*value));
            Sample { $($name: <$value as Any<sql::$column>>::any(values.next().flatten()),)* ..sample }
        }
    };
}
metric_table!(full);

/// A value of a metric out of any number.
trait Any<Type>: Sized {
    fn any(number: Option<u32>) -> Option<Self>;
}

impl Any<sql::Float> for f64 {
    fn any(number: Option<u32>) -> Option<Self> {
        number
            .map(|number| if number % 3 == 0 { kept(f32::from_bits(number >> 2)) } else { kept(number as f32 / 100.0) })
    }
}

impl Any<sql::Double> for f64 {
    fn any(number: Option<u32>) -> Option<Self> {
        number.map(
            |number| {
                if number % 3 == 0 { Self::from_bits(u64::from(number) << 30) } else { Self::from(number) / -100.0 }
            },
        )
    }
}

impl Any<sql::BigInt> for i64 {
    fn any(number: Option<u32>) -> Option<Self> {
        number.map(|number| Self::from(number) << (number % 32))
    }
}

impl Any<sql::Integer> for i32 {
    fn any(number: Option<u32>) -> Option<Self> {
        number.map(|number| (number >> (number % 31)) as Self)
    }
}

/// As it is once it came over the wire: a whole number is one.
fn as_it_came(extra: impl IntoIterator<Item = (String, f64)>) -> JsonObject {
    let extra = extra.into_iter().map(|(key, value)| (key, value.into())).collect();
    from_struct("extra", &to_struct(&extra), MAX_EXTRA).unwrap()
}

fn sample() -> impl Strategy<Value = Sample> {
    let temperatures = prop::collection::vec(("[a-zé\"]{1,8}", any::<i16>()), 0..4);
    let extra = prop::option::weighted(0.2, prop::collection::btree_map("[^\0]{1,5}", any::<f64>(), 0..4));
    let device_time = prop::option::weighted(0.1, -90_000_000_000_i64..90_000_000_000);
    let values = (prop::collection::vec(any::<u32>(), 20), 0_usize..20);
    (values, temperatures, extra, device_time, any::<Option<i32>>()).prop_map(
        |((values, missing), temperatures, extra, device_time, interval)| {
            let reading = |(sensor, celsius): (String, i16)| Temperature { sensor, celsius: f64::from(celsius) / 7.0 };
            let sample = Sample {
                device_time: device_time.map(at),
                collection_interval_ms: interval,
                temperatures: temperatures.into_iter().map(reading).collect(),
                extra: extra.map(as_it_came),
                ..Sample::empty(at(0))
            };
            with_metrics(sample, &values, missing)
        },
    )
}

fn samples() -> impl Strategy<Value = Vec<Received>> {
    let times = prop::collection::btree_set(0..HOUR, 1..40);
    times.prop_flat_map(|times| {
        let rows = times.len();
        let samples = prop::collection::vec((sample(), 0_i64..2_000_000), rows);
        (Just(times), samples).prop_map(|(times, samples)| {
            let row = |(time, (sample, delay))| Received {
                sample: Sample { collected_at: at(time), ..sample },
                received_at: at(time + delay),
            };
            times.into_iter().zip(samples).map(row).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_hour_comes_back_as_it_was(samples in samples()) {
        let bytes = pack(key(), &samples).unwrap();
        let hour = Hour::open(key(), &bytes).unwrap();
        prop_assert_eq!(&hour.samples().unwrap(), &samples);
        prop_assert_eq!(hour.times().unwrap(), samples.iter().map(|of| of.sample.collected_at).collect::<Vec<_>>());
        for metric in Metric::ALL {
            let widened = |value: f64| if metric.is_single() { f64::from(value as f32) } else { value };
            let expected: Vec<_> = samples.iter().map(|of| metric.of(&of.sample).map(widened)).collect();
            prop_assert_eq!(hour.metric(metric).unwrap(), expected, "{:?}", metric);
        }
    }
}

fn received(time: i64, sample: Sample) -> Received {
    Received { sample: Sample { collected_at: at(time), ..sample }, received_at: at(time + 11_437) }
}

#[test]
fn numbers_of_an_extra_keep_their_last_bit() {
    let numbers = [0.1 + 0.2, 45.623_443_603_515_625, f64::MIN_POSITIVE, 5e-324, f64::MAX];
    let extra = [("numbers".to_owned(), json!(numbers))].into_iter().collect();
    let packed = pack(key(), &[received(5, Sample { extra: Some(extra), ..Sample::empty(at(0)) })]).unwrap();
    let read = Hour::open(key(), &packed).unwrap().samples().unwrap();
    let read = read[0].sample.extra.as_ref().unwrap()["numbers"].as_array().unwrap();
    let bits: Vec<_> = read.iter().map(|number| number.as_f64().unwrap().to_bits()).collect();
    assert_eq!(bits, numbers.map(f64::to_bits));
}

#[test]
fn sensors_may_come_and_go() {
    let reading = |sensor: &str, celsius| Temperature { sensor: sensor.to_owned(), celsius };
    let rows = [vec![], vec![reading("cpu", 41.5)], vec![reading("disk", -0.0), reading("cpu", 1.0 / 3.0)], vec![]];
    let sample = |(row, temperatures)| received(row, Sample { temperatures, ..Sample::empty(at(0)) });
    let samples: Vec<_> = (0..).zip(rows).map(sample).collect();
    let bytes = pack(key(), &samples).unwrap();
    let read = Hour::open(key(), &bytes).unwrap().samples().unwrap();
    assert_eq!(read, samples);
    assert!(read[2].sample.temperatures[0].celsius.is_sign_negative());
}

#[test]
fn what_packing_would_change_is_refused() {
    let one = |sample: Sample| pack(key(), &[Received { sample, received_at: at(0) }]);
    let precise = Sample { cpu_percent: Some(12.340_000_001), ..Sample::empty(at(0)) };
    assert_eq!(one(precise), Err(Unpackable::Precision { row: 0, field: "cpu_percent" }));
    let time = Err(Unpackable::Time { row: 0, field: "collected_at" });
    assert_eq!(one(Sample::empty(at(HOUR))), time);
    assert_eq!(one(Sample::empty(at(-1))), time);
    assert_eq!(one(Sample::empty(at(0) + TimeDelta::nanoseconds(1))), time);
    let twice = [received(7, Sample::empty(at(0))), received(7, Sample::empty(at(0)))];
    assert_eq!(pack(key(), &twice), Err(Unpackable::NotInOrder(1)));
}

#[test]
fn an_hour_of_the_largest_extras_is_one_block() {
    let object = |row: i64| [("text".to_owned(), json!(format!("{row:x<4000}")))].into_iter().collect::<JsonObject>();
    let samples: Vec<_> = (0..720)
        .map(|row| received(row * 5_000_000, Sample { extra: Some(object(row)), ..Sample::empty(at(0)) }))
        .collect();
    MAX_EXTRA.check("extra", samples[0].sample.extra.as_ref().unwrap()).unwrap();
    let bytes = pack(key(), &samples).unwrap();
    assert_eq!(Hour::open(key(), &bytes).unwrap().samples().unwrap(), samples);
}

#[test]
fn columns_that_only_another_program_wrote_are_errors_and_no_numbers() {
    let forged =
        |number: u16, column: Column| Block { times: vec![1], columns: [(number, column)].into() }.pack(key()).unwrap();
    let blob = |bytes: &[u8]| Column::Blobs(vec![Some(bytes.to_vec())]);
    let whole = |value| Column::Integers(vec![Some(value)]);
    let connections = number(Metric::ActiveConnections);
    let bad = [
        (number(Metric::CpuPercent), blob(b"12")),
        (connections, whole(1 << 40)),
        (RECEIVED_AT, whole(i64::MAX)),
        (EXTRA, blob(b"\xff")),
        (SENSORS, blob(b"\x03cpu")),
    ];
    for (number, column) in bad {
        let bytes = forged(number, column);
        let samples = Hour::open(key(), &bytes).unwrap().samples();
        assert!(samples.unwrap_err().to_string().contains("device 17 from 2026-11-28T22:00:00Z"), "column {number}");
    }
    let late = Block { times: vec![HOUR], columns: BTreeMap::new() }.pack(key()).unwrap();
    assert!(Hour::open(key(), &late).unwrap().times().is_err());
}

#[test]
fn a_metric_of_a_later_version_is_passed_over() {
    let mut block = Block { times: vec![1], columns: BTreeMap::new() };
    block.columns.insert(RECEIVED_AT, Column::Integers(vec![Some(2)]));
    block.columns.insert(999, Column::Doubles(vec![Some(1.5)]));
    let bytes = block.pack(key()).unwrap();
    let read = Hour::open(key(), &bytes).unwrap().samples().unwrap();
    assert_eq!(read, [Received { sample: Sample::empty(at(1)), received_at: at(3) }]);
}

#[test]
fn numbers_of_columns_are_those_of_the_protocol() {
    for metric in Metric::ALL {
        let protocol = homepot::pb::telemetry::v1::Metric::from(metric) as i32;
        assert_eq!(i32::from(number(metric)), protocol, "{metric:?}");
    }
}
