-- Samples folded by minute and by hour, so that a long range is answered from few rows and outlives the samples. For
-- each metric: how many, the smallest, the largest, the sum and the newest; where it was not measured, nulls, which cost
-- one bit. Wide columns first, so that no row is padded; percentages keep the six digits that samples have.
-- By week and by month: few enough partitions to plan over, small enough to drop what has expired.

CREATE TABLE rollup_1m (
    device bigint NOT NULL,
    bucket timestamptz NOT NULL,
    cpu_percent_sum double precision,
    memory_percent_sum double precision,
    disk_percent_sum double precision,
    swap_percent_sum double precision,
    load_1m_sum double precision,
    load_5m_sum double precision,
    load_15m_sum double precision,
    network_latency_ms_sum double precision,
    transaction_count_sum double precision,
    transaction_count_min double precision,
    transaction_count_max double precision,
    transaction_count_last double precision,
    transaction_volume_sum double precision,
    transaction_volume_min double precision,
    transaction_volume_max double precision,
    transaction_volume_last double precision,
    error_rate_sum double precision,
    active_connections_sum double precision,
    active_connections_min double precision,
    active_connections_max double precision,
    active_connections_last double precision,
    queue_depth_sum double precision,
    queue_depth_min double precision,
    queue_depth_max double precision,
    queue_depth_last double precision,
    bytes_sent_sum double precision,
    bytes_sent_min double precision,
    bytes_sent_max double precision,
    bytes_sent_last double precision,
    bytes_received_sum double precision,
    bytes_received_min double precision,
    bytes_received_max double precision,
    bytes_received_last double precision,
    uptime_seconds_sum double precision,
    uptime_seconds_min double precision,
    uptime_seconds_max double precision,
    uptime_seconds_last double precision,
    cpu_percent_min real, cpu_percent_max real, cpu_percent_last real, cpu_percent_count integer,
    memory_percent_min real, memory_percent_max real, memory_percent_last real, memory_percent_count integer,
    disk_percent_min real, disk_percent_max real, disk_percent_last real, disk_percent_count integer,
    swap_percent_min real, swap_percent_max real, swap_percent_last real, swap_percent_count integer,
    load_1m_min real, load_1m_max real, load_1m_last real, load_1m_count integer,
    load_5m_min real, load_5m_max real, load_5m_last real, load_5m_count integer,
    load_15m_min real, load_15m_max real, load_15m_last real, load_15m_count integer,
    network_latency_ms_min real, network_latency_ms_max real, network_latency_ms_last real, network_latency_ms_count integer,
    transaction_count_count integer,
    transaction_volume_count integer,
    error_rate_min real, error_rate_max real, error_rate_last real, error_rate_count integer,
    active_connections_count integer,
    queue_depth_count integer,
    bytes_sent_count integer,
    bytes_received_count integer,
    uptime_seconds_count integer,
    PRIMARY KEY (device, bucket)
) PARTITION BY RANGE (bucket);

CREATE TABLE rollup_1h (LIKE rollup_1m, PRIMARY KEY (device, bucket)) PARTITION BY RANGE (bucket);

-- How far the rollups are. Whoever writes a sample of before `claimed_to` says so in `rollup_late`; everything before
-- `rolled_to` is in the rollups. Between the two lies what is being folded, or was when the server died: it is done again.
CREATE TABLE rollup_progress (
    resolution text PRIMARY KEY,
    claimed_to timestamptz NOT NULL,
    rolled_to timestamptz NOT NULL
);
INSERT INTO rollup_progress
SELECT resolution, start, start
FROM unnest(ARRAY['1m', '1h']) AS resolution,
    (SELECT date_bin('1 hour', coalesce(min(collected_at), now()), 'epoch') AS start FROM samples) AS oldest;

-- Minutes that got a sample after they were folded. Without a key: writers never wait for one another here.
CREATE TABLE rollup_late (
    device bigint NOT NULL,
    bucket timestamptz NOT NULL
);
-- Whoever reads a rollup looks here for what is wrong with it.
CREATE INDEX rollup_late_of_device ON rollup_late (device);

-- What devices say they had to let go of.
CREATE TABLE sample_losses (
    device bigint NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    samples bigint NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (device, start_at, end_at, reason)
);
