-- Which clock decides what is in docs/time.md.

-- When the last round of maintenance was, by the database's clock: a round that would lie far after it does not drop anything
-- until that clock has proved itself. A database with data starts from its newest sample, not from a clock that may be wrong.
CREATE TABLE maintenance_clock (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    last_round timestamptz NOT NULL
);
INSERT INTO maintenance_clock (last_round)
SELECT coalesce((SELECT max(received_at) FROM device_latest), now());

-- Samples that are stored at another time than their device's clock showed. The first correction of a sample holds: however
-- often it is sent again, and whatever the correction would be by then, it is stored once. Other samples have no row here.
CREATE TABLE corrected_samples (
    device bigint NOT NULL,
    -- What the device's clock showed.
    device_time timestamptz NOT NULL,
    -- Where the sample is stored.
    collected_at timestamptz NOT NULL,
    PRIMARY KEY (device, device_time)
);
CREATE INDEX corrected_samples_collected_at ON corrected_samples (device, collected_at);

-- Steps back of the database's clock. A cursor of a watch is a time of that clock: one that lies within such a step may be
-- older or younger than what is stamped with the same times, so its watch goes back to where the step led.
CREATE TABLE clock_steps_back (
    led_to timestamptz NOT NULL,
    led_from timestamptz NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now()
);

-- How far the device's clock was ahead of the server's at its last Hello; NULL: it did not say.
ALTER TABLE sessions ADD COLUMN clock_skew_ms bigint;
