-- Drift of targets is mended where the release says so: the server offers the release to the device once more.

ALTER TABLE releases ADD COLUMN mend_drift boolean NOT NULL DEFAULT false;
-- Started by the server for one device, to mend its drift.
ALTER TABLE rollouts ADD COLUMN mends_drift boolean NOT NULL DEFAULT false;
-- Few devices at a time: what looks for drift reads no other rows.
CREATE INDEX device_updates_drifted ON device_updates (device) WHERE targets @> '[{"drifted": true}]';

-- How often the drift of a device from a release was mended, so that nobody fights for ever with what changes the file.
CREATE TABLE device_mends (
    device bigint NOT NULL REFERENCES devices ON DELETE CASCADE,
    release_id uuid NOT NULL REFERENCES releases,
    -- Of this series, which ends after a day without one.
    attempts integer NOT NULL,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    -- The next one begins no earlier.
    next_at timestamptz NOT NULL,
    -- The last one.
    rollout_id uuid NOT NULL,
    PRIMARY KEY (device, release_id)
);
CREATE INDEX device_mends_of_release ON device_mends (release_id);

-- The values with which a device confirmed a release that mends drift, sealed: a mend brings these and no others. They go once
-- another release has brought one of its targets.
CREATE TABLE confirmed_values (
    device bigint NOT NULL REFERENCES devices ON DELETE CASCADE,
    release_id uuid NOT NULL REFERENCES releases,
    sealed bytea NOT NULL,
    PRIMARY KEY (device, release_id)
);
CREATE INDEX confirmed_values_of_release ON confirmed_values (release_id);

-- Which rollout began after which: clocks may be set, and the times in ids come from those of servers.
ALTER TABLE rollouts ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY;
