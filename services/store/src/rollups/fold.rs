//! The statement that folds rows of one table into buckets of another, once for samples into minutes and once for minutes
//! into hours.

use std::sync::LazyLock;

use homepot::model::Metric;

/// What is folded into what.
struct Fold {
    from: &'static str,
    /// The column of `from` that tells the time.
    time: &'static str,
    into: &'static str,
    width: &'static str,
    /// Of one metric over a group of rows `s`: count, min, max, sum.
    aggregates: fn(&str) -> [String; 4],
    /// The column of `from` of which the newest is kept.
    newest: fn(&str) -> String,
}

const MINUTES: Fold = Fold {
    from: "samples",
    time: "collected_at",
    into: "rollup_1m",
    width: "1 minute",
    aggregates: |m| {
        [format!("count(s.{m})"), format!("min(s.{m})"), format!("max(s.{m})"), format!("sum(s.{m}::double precision)")]
    },
    newest: |m| m.to_owned(),
};

const HOURS: Fold = Fold {
    from: "rollup_1m",
    time: "bucket",
    into: "rollup_1h",
    width: "1 hour",
    aggregates: |m| {
        [format!("sum(s.{m}_count)"), format!("min(s.{m}_min)"), format!("max(s.{m}_max)"), format!("sum(s.{m}_sum)")]
    },
    newest: |m| format!("{m}_last"),
};

/// Folds everything from `start` up to but not at `end`, which the [`Statement`](crate::statement::Statement) is given.
pub(super) static MINUTES_OF_RANGE: LazyLock<String> = LazyLock::new(|| MINUTES.statement(""));
/// The same for hours.
pub(super) static HOURS_OF_RANGE: LazyLock<String> = LazyLock::new(|| HOURS.statement(""));
/// Folds the buckets of the columns `device` and `bucket`, all of them from `start` up to but not at `end`.
pub(super) static SOME_MINUTES: LazyLock<String> = LazyLock::new(|| MINUTES.statement(&MINUTES.only_some()));
/// The same for hours.
pub(super) static SOME_HOURS: LazyLock<String> = LazyLock::new(|| HOURS.statement(&HOURS.only_some()));

impl Fold {
    /// `start` and `end` bound every table's times as constants, so that the planner leaves the other partitions out.
    fn statement(&self, join: &str) -> String {
        let Self { from, time, into, width, .. } = self;
        let metrics = || Metric::ALL.into_iter().map(Metric::name);
        let groups: Vec<_> = metrics()
            .flat_map(|m| {
                let [count, min, max, sum] = (self.aggregates)(m);
                [
                    format!("{count} AS {m}_count"),
                    format!("{min} AS {m}_min"),
                    format!("{max} AS {m}_max"),
                    format!("{sum} AS {m}_sum"),
                ]
            })
            .collect();
        let columns: Vec<_> =
            metrics().flat_map(|m| ["count", "min", "max", "sum", "last"].map(|part| format!("{m}_{part}"))).collect();
        let values: Vec<_> = metrics()
            .flat_map(|m| {
                let part = |part: &str| format!("g.{m}_{part}");
                [format!("nullif(g.{m}_count, 0)"), part("min"), part("max"), part("sum"), self.last(m)]
            })
            .collect();
        let set: Vec<_> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
        format!(
            "WITH g AS (
                SELECT s.device, date_bin('{width}', s.{time}, 'epoch') AS bucket, max(s.{time}) AS newest, {groups}
                FROM {from} s {join} WHERE s.{time} >= {{start}} AND s.{time} < {{end}} GROUP BY 1, 2
            )
            INSERT INTO {into} (device, bucket, {columns})
            SELECT g.device, g.bucket, {values}
            FROM g JOIN {from} n ON n.device = g.device AND n.{time} = g.newest AND n.{time} >= {{start}} AND n.{time} < {{end}}
            ORDER BY g.device, g.bucket
            ON CONFLICT (device, bucket) DO UPDATE SET {set}",
            groups = groups.join(", "),
            columns = columns.join(", "),
            values = values.join(", "),
            set = set.join(", "),
        )
    }

    /// The newest row of a bucket nearly always has the metric; only where it has not, the others are searched.
    fn last(&self, metric: &str) -> String {
        let (Self { from, time, width, .. }, newest) = (self, (self.newest)(metric));
        format!(
            "CASE WHEN n.{newest} IS NOT NULL THEN n.{newest} WHEN g.{metric}_count > 0 THEN (
                SELECT o.{newest} FROM {from} o
                WHERE o.device = g.device AND o.{time} >= g.bucket AND o.{time} < g.bucket + interval '{width}'
                    AND o.{time} >= {{start}} AND o.{time} < {{end}} AND o.{newest} IS NOT NULL
                ORDER BY o.{time} DESC LIMIT 1) END"
        )
    }

    fn only_some(&self) -> String {
        let Self { time, width, .. } = self;
        format!(
            "JOIN unnest({{arrays}}) AS w ({{columns}})
            ON s.device = w.device AND s.{time} >= w.bucket AND s.{time} < w.bucket + interval '{width}'"
        )
    }
}
