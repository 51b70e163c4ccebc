//! A sample as a row: of history, of binary COPY, and of the one statement that inserts what may be there already.

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Double, Float, Integer, Jsonb, Nullable, Timestamptz},
};
use homepot::{
    metric_table,
    model::{Sample, Temperature, shortest_decimal},
};
use serde_json::{Value, json};

use super::NewSample;
use crate::{StoreError, row, schema::samples, statement::Statement};

/// How a value is kept in a column of SQL type `T`.
pub(super) trait Kept<T> {
    /// What stands in the column.
    type Column;

    fn to_column(self) -> Self::Column;

    fn from_column(column: Self::Column) -> Self;
}

/// Six digits are kept, which is more than a sensor has.
impl Kept<Float> for f64 {
    type Column = f32;

    #[allow(clippy::cast_possible_truncation)]
    fn to_column(self) -> f32 {
        self as f32
    }

    fn from_column(column: f32) -> Self {
        shortest_decimal(column)
    }
}

/// Kept as they are.
macro_rules! kept_whole {
    ($($value:ident in $column:ident)*) => {
        $(impl Kept<$column> for $value {
            type Column = $value;

            fn to_column(self) -> $value {
                self
            }

            fn from_column(column: $value) -> Self {
                column
            }
        })*
    };
}
kept_whole! { f64 in Double i64 in BigInt i32 in Integer }

macro_rules! record {
    ($(#[doc = $about:literal] $metric:ident $name:ident: $value:ident in $range:tt as $column:ident $more:tt)*) => {
        /// One row of `samples`, in the order in which the schema has its columns. COPY knows no DEFAULT, so what was not
        /// measured is written as null.
        #[derive(Insertable, Queryable)]
        #[diesel(table_name = samples, treat_none_as_default_value = false)]
        pub(super) struct Record {
            device: i64,
            pub(super) collected_at: DateTime<Utc>,
            pub(super) received_at: DateTime<Utc>,
            $($name: Option<<$value as Kept<$column>>::Column>,)*
            collection_interval_ms: Option<i32>,
            temperatures: Option<Value>,
            extra: Option<Value>,
        }

        impl Record {
            pub(super) fn new(NewSample { device, sample }: &NewSample, received_at: DateTime<Utc>) -> Self {
                Self {
                    device: *device,
                    collected_at: sample.collected_at,
                    received_at,
                    $($name: sample.$name.map(Kept::<$column>::to_column),)*
                    collection_interval_ms: sample.collection_interval_ms,
                    temperatures: readings(&sample.temperatures),
                    extra: row::json(sample.extra.as_ref()),
                }
            }

            pub(super) fn sample(self) -> Result<Sample, StoreError> {
                Ok(Sample {
                    collected_at: self.collected_at,
                    device_time: None,
                    $($name: self.$name.map(<$value as Kept<$column>>::from_column),)*
                    collection_interval_ms: self.collection_interval_ms,
                    temperatures: temperatures(self.temperatures)?,
                    extra: row::object("samples.extra", self.extra)?,
                })
            }
        }

        /// Inserts rows, but for those that are there. A batch of any size is the same statement.
        pub(super) fn insert(records: &mut [Record]) -> Statement<'static> {
            let temperatures: Vec<_> = records.iter_mut().map(|record| record.temperatures.take()).collect();
            let extras: Vec<_> = records.iter_mut().map(|record| record.extra.take()).collect();
            Statement::prepared("INSERT INTO samples ({columns}) SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING")
                .column::<BigInt, _>("device", records.iter().map(|record| record.device))
                .column::<Timestamptz, _>("collected_at", records.iter().map(|record| record.collected_at))
                .column::<Timestamptz, _>("received_at", records.iter().map(|record| record.received_at))
                $(.column::<Nullable<$column>, _>(stringify!($name), records.iter().map(|record| record.$name)))*
                .column::<Nullable<Integer>, _>(
                    "collection_interval_ms",
                    records.iter().map(|record| record.collection_interval_ms),
                )
                .column::<Nullable<Jsonb>, _>("temperatures", temperatures)
                .column::<Nullable<Jsonb>, _>("extra", extras)
        }

        /// A sample as history gives it back.
        pub(super) fn kept(sample: &Sample) -> Sample {
            Sample {
                $($name: sample.$name.map(|value| {
                    <$value as Kept<$column>>::from_column(Kept::<$column>::to_column(value))
                }),)*
                ..sample.clone()
            }
        }
    };
}
metric_table!(record);

fn readings(readings: &[Temperature]) -> Option<Value> {
    let reading = |r: &Temperature| json!({ "sensor": r.sensor, "celsius": r.celsius });
    if readings.is_empty() { None } else { Some(readings.iter().map(reading).collect()) }
}

fn temperatures(column: Option<Value>) -> Result<Vec<Temperature>, StoreError> {
    let Some(column) = column else { return Ok(Vec::new()) };
    let read = |reading: &Value| {
        let sensor = reading.get("sensor")?.as_str()?.to_owned();
        Some(Temperature { sensor, celsius: reading.get("celsius")?.as_f64()? })
    };
    let readings = column.as_array().and_then(|readings| readings.iter().map(read).collect());
    readings.ok_or_else(|| StoreError::Corrupt("samples.temperatures: is not a list of readings".to_owned()))
}
