//! The table of metrics: what it says of one is said nowhere else. The model, the columns of samples and of rollups, the shell,
//! the exposition for Prometheus and the logs are made from it; REST and OpenAPI follow the protocol.

/// Hands the table to the macro of the given name, which makes of it what it likes. An entry is
///
/// ```text
/// /// What is measured, and its unit, in one line.
/// Variant field: type in (smallest..=largest) as Column { unit: …, kind: …, heading: … }
/// ```
///
/// - `Variant` is how [`Metric`](crate::model::Metric) calls it. The order is that of the protocol's enum `Metric`.
/// - `field` is its name everywhere else: in the protocol, in the database, over REST.
/// - The type is `f64`, `i64` or `i32`. The range is that of the protocol's field; a value outside is refused.
/// - `Column` is the SQL type of its column and with it the precision that is kept: `Float` six digits, which is more than a
///   sensor has, `Double`, `BigInt`, `Integer`.
/// - `unit` is one of [`Unit`](crate::model::Unit), `kind` one of [`MetricKind`](crate::model::MetricKind).
/// - `heading` is what stands above it in the shell's table of samples: `always(place, text)`, `wide(place, text)` for wide
///   tables only, or `None`. Columns stand in the order of their places.
#[macro_export]
macro_rules! metric_table {
    ($take:ident) => {
        $take! {
            /// Processor use, all cores together, in percent.
            CpuPercent cpu_percent: f64 in (0.0..=100.0) as Float
                { unit: Percent, kind: Gauge, heading: always(1, "CPU") }
            /// Physical memory in use, in percent.
            MemoryPercent memory_percent: f64 in (0.0..=100.0) as Float
                { unit: Percent, kind: Gauge, heading: always(2, "MEMORY") }
            /// Use of the root file system, in percent.
            DiskPercent disk_percent: f64 in (0.0..=100.0) as Float
                { unit: Percent, kind: Gauge, heading: always(3, "DISK") }
            /// Swap in use, in percent.
            SwapPercent swap_percent: f64 in (0.0..=100.0) as Float
                { unit: Percent, kind: Gauge, heading: wide(6, "SWAP") }
            /// Load average over one minute.
            Load1m load_1m: f64 in (0.0..=1e6) as Float
                { unit: Tasks, kind: Gauge, heading: wide(7, "LOAD 1M") }
            /// Load average over five minutes.
            Load5m load_5m: f64 in (0.0..=1e6) as Float
                { unit: Tasks, kind: Gauge, heading: None }
            /// Load average over fifteen minutes.
            Load15m load_15m: f64 in (0.0..=1e6) as Float
                { unit: Tasks, kind: Gauge, heading: None }
            /// Round trip to the peer that matters to the device, in milliseconds.
            NetworkLatencyMs network_latency_ms: f64 in (0.0..=3_600_000.0) as Float
                { unit: Milliseconds, kind: Gauge, heading: always(4, "LATENCY") }
            /// Transactions the device completed in the interval it reported last.
            TransactionCount transaction_count: i64 in (0..=1 << 53) as BigInt
                { unit: Items, kind: Gauge, heading: wide(10, "TRANSACTIONS") }
            /// What those transactions add up to, in the site's currency.
            TransactionVolume transaction_volume: f64 in (-1e15..=1e15) as Double
                { unit: Currency, kind: Gauge, heading: None }
            /// Share of operations that failed, in percent.
            ErrorRate error_rate: f64 in (0.0..=100.0) as Float
                { unit: Percent, kind: Gauge, heading: always(5, "ERRORS") }
            /// Open TCP connections.
            ActiveConnections active_connections: i32 in (0..=2_147_483_647) as Integer
                { unit: Items, kind: Gauge, heading: wide(8, "CONNECTIONS") }
            /// Work waiting on the device, in items.
            QueueDepth queue_depth: i32 in (0..=2_147_483_647) as Integer
                { unit: Items, kind: Gauge, heading: wide(9, "QUEUE") }
            /// Bytes sent since the device booted.
            BytesSent bytes_sent: i64 in (0..=i64::MAX) as BigInt
                { unit: Bytes, kind: Counter, heading: None }
            /// Bytes received since the device booted.
            BytesReceived bytes_received: i64 in (0..=i64::MAX) as BigInt
                { unit: Bytes, kind: Counter, heading: None }
            /// Time since the device booted, in seconds.
            UptimeSeconds uptime_seconds: i64 in (0..=1 << 53) as BigInt
                { unit: Seconds, kind: Gauge, heading: always(11, "UPTIME") }
        }
    };
}
