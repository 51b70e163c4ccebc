DROP TABLE device_latest;

CREATE TABLE device_latest (
    device bigint PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    collected_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    transaction_count bigint,
    transaction_volume double precision,
    bytes_sent bigint,
    bytes_received bigint,
    uptime_seconds bigint,
    active_connections integer,
    queue_depth integer,
    collection_interval_ms integer,
    cpu_percent real,
    memory_percent real,
    disk_percent real,
    swap_percent real,
    load_1m real,
    load_5m real,
    load_15m real,
    network_latency_ms real,
    error_rate real,
    temperatures jsonb,
    extra jsonb
) WITH (fillfactor = 50);
