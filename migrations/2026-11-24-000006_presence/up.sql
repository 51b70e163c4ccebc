-- Presence as recorded: when devices came and went, how often, and what operators marked them with.

ALTER TABLE sessions
    -- As recorded at its last change. Who reads judges by `ended`, `last_seen_at` and `heartbeat_ms`: the record follows.
    ADD COLUMN status text NOT NULL DEFAULT 'unknown' CHECK (status IN ('unknown', 'online', 'offline')),
    ADD COLUMN status_since timestamptz,
    -- A count of changes that fades; above a bound they are only counted, from `flapping_since` to `flapping_until`.
    ADD COLUMN flap_penalty double precision NOT NULL DEFAULT 0,
    ADD COLUMN flap_penalty_at timestamptz,
    ADD COLUMN flapping_since timestamptz,
    ADD COLUMN flapping_until timestamptz,
    ADD COLUMN changes_not_shown integer NOT NULL DEFAULT 0,
    -- Whether something changed that watches were not told of yet.
    ADD COLUMN change_untold boolean NOT NULL DEFAULT false,
    -- The same of takeovers: machines of different boots take the session from one another.
    ADD COLUMN takeover_penalty double precision NOT NULL DEFAULT 0,
    ADD COLUMN takeover_penalty_at timestamptz,
    ADD COLUMN contested_since timestamptz,
    ADD COLUMN contested_until timestamptz,
    -- What watches go by: the start of the transaction that last changed what they show, and a number that grows.
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    -- The journal the agent keeps its commands in, as told in its Hello.
    ADD COLUMN journal_id text;

UPDATE sessions SET
    status = CASE WHEN last_seen_at IS NULL THEN 'unknown' WHEN ended THEN 'offline' ELSE 'online' END,
    status_since = CASE WHEN ended THEN last_seen_at ELSE coalesce(attached_at, last_seen_at) END;

-- Rows change in place, in no order of time, so BRIN would find nothing. Being heard of touches none of these columns
-- and stays an update in place.
CREATE INDEX sessions_changed ON sessions (changed_at);
-- What the keeper of presence looks through: once all are offline it has nothing to read.
CREATE INDEX sessions_online ON sessions (device) WHERE status = 'online';
CREATE INDEX sessions_flapping ON sessions (flapping_until) WHERE flapping_since IS NOT NULL;
CREATE INDEX sessions_contested ON sessions (contested_until) WHERE contested_since IS NOT NULL;
CREATE INDEX sessions_untold ON sessions (changed_at) WHERE change_untold;

ALTER TABLE devices ADD COLUMN labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(labels) = 'object');
CREATE INDEX devices_by_label ON devices USING gin (labels);

-- When devices came and went. A week is a partition, dropped whole after 90 days: deletes of half a million rows a day
-- would leave as much to clean up. No foreign key: who removes a device removes these too.
CREATE TABLE device_states (
    device bigint NOT NULL,
    at timestamptz NOT NULL,
    number bigint NOT NULL,
    session_epoch bigint NOT NULL,
    changes_not_shown integer NOT NULL,
    flapping boolean NOT NULL,
    status text NOT NULL CHECK (status IN ('online', 'offline')),
    cause text NOT NULL,
    detail text NOT NULL,
    PRIMARY KEY (device, at, number)
) PARTITION BY RANGE (at);
-- Tells entries of one device and moment apart.
CREATE SEQUENCE device_states_number;
ALTER TABLE device_states ALTER COLUMN number SET DEFAULT nextval('device_states_number');
ALTER SEQUENCE device_states_number OWNED BY device_states.number;
