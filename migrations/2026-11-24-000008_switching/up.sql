-- A device is real or simulated by its enrolment. Simulated ones can be removed, and real ones may take their ids over.

ALTER TABLE devices
    -- Public Ed25519 key; a device that has one proves itself by it on its stream, and makes no other calls.
    ADD COLUMN proof_key bytea CHECK (length(proof_key) = 32),
    -- The labels its enrolment token gave it: what differs from them in `labels` was set by operators.
    ADD COLUMN token_labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(token_labels) = 'object');
-- What is removed as a set is found without a look at the real ones.
CREATE INDEX devices_simulated ON devices (device_id) WHERE source = 'simulated';

ALTER TABLE enrollment_tokens
    ADD COLUMN labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object');

-- A history may begin before its device was heard of: with the word that it took over a simulated one.
ALTER TABLE device_states
    DROP CONSTRAINT device_states_status_check,
    ADD CONSTRAINT device_states_status_check CHECK (status IN ('unknown', 'online', 'offline'));

-- Who watches goes by device ids and takes the greater version for the newer. A device that comes back under the id of a
-- removed one must not begin below that: versions begin with the microseconds of the clock and grow by one a change.
ALTER TABLE sessions ALTER COLUMN version SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

-- Removed devices. Rollups are folded without a look at devices, so one that was under way may leave rows of a device that
-- is gone: whoever folds removes them next, and then forgets the device.
CREATE TABLE removed_devices (
    device bigint PRIMARY KEY,
    removed_at timestamptz NOT NULL DEFAULT now()
);
