-- The ledger tells how each command came to where it stands, takes commands back from devices, and runs the same one on
-- many devices.

CREATE TABLE runs (
    run_id uuid PRIMARY KEY,
    command_type text NOT NULL,
    payload jsonb,
    target jsonb NOT NULL,
    -- The sites of its devices: who may not reach all of them does not see it.
    site_ids text[] NOT NULL,
    max_in_flight integer NOT NULL,
    max_failures integer NOT NULL,
    time_to_live_ms bigint NOT NULL,
    run_timeout_ms integer NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'halted', 'completed', 'cancelled')),
    reason text,
    created_by text NOT NULL,
    idempotency_key text,
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE UNIQUE INDEX runs_by_key ON runs (created_by, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_newest ON runs (created_at, run_id);
-- What is to be driven on.
CREATE INDEX runs_running ON runs (run_id) WHERE state = 'running';

CREATE TABLE run_devices (
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    device bigint NOT NULL REFERENCES devices ON DELETE CASCADE,
    -- NULL: its turn has not come, or it was left out.
    command_id uuid,
    -- Why it was left out.
    skipped text,
    PRIMARY KEY (run_id, device)
);
CREATE INDEX run_devices_of_device ON run_devices (device);
CREATE INDEX run_devices_waiting ON run_devices (run_id, device) WHERE command_id IS NULL AND skipped IS NULL;

ALTER TABLE commands
    ADD COLUMN run_id uuid REFERENCES runs,
    -- The journal it was handed to; what is not safe to repeat goes to no other.
    ADD COLUMN journal_id text,
    -- Whether it was with a poller or another journal before: nobody can tell what that one did.
    ADD COLUMN handed_on boolean NOT NULL DEFAULT false,
    ADD COLUMN cancel_requested_at timestamptz,
    ADD COLUMN cancel_cause text,
    -- The session that was asked to take it back.
    ADD COLUMN cancel_told bigint,
    -- One object a transition, oldest first: state, time, cause. In the row, as it is written with the row.
    ADD COLUMN history jsonb NOT NULL DEFAULT '[]',
    -- When the row last changed, by its transaction's start: what watches look for.
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();

UPDATE commands SET
    changed_at = coalesce(finished_at, started_at, acknowledged_at, sent_at, created_at),
    history = (
        SELECT jsonb_agg(jsonb_build_object('state', step.state, 'time', step.time, 'cause', step.cause) ORDER BY step.place)
        FROM (VALUES
            (0, 'queued', created_at, 'queued by ' || created_by),
            (1, 'sent', sent_at, 'handed to the device'),
            (2, 'acknowledged', acknowledged_at, 'the device has it on disk'),
            (3, 'running', started_at, 'the device started it'),
            (4, state, finished_at, coalesce(reason, 'the device reported it'))
        ) AS step (place, state, time, cause)
        WHERE step.time IS NOT NULL
    );

-- Recent changes lie on few pages, so this finds them for next to nothing, where a btree would cost every change.
CREATE INDEX commands_changed ON commands USING brin (changed_at) WITH (pages_per_range = 8, autosummarize = on);
CREATE INDEX commands_of_run ON commands (run_id, device) WHERE run_id IS NOT NULL;
-- Most commands have no key, and need no entry.
ALTER TABLE commands DROP CONSTRAINT commands_device_idempotency_key_key;
CREATE UNIQUE INDEX commands_by_key ON commands (device, idempotency_key) WHERE idempotency_key IS NOT NULL;
-- What a device may claim again now includes what it acknowledged: it may have lost sight of it.
DROP INDEX commands_claimable;
CREATE INDEX commands_claimable ON commands (device, created_at, command_id)
    WHERE state IN ('queued', 'sent', 'acknowledged');
-- What devices are to be asked to take back.
CREATE INDEX commands_to_cancel ON commands (device)
    WHERE cancel_requested_at IS NOT NULL AND state IN ('sent', 'acknowledged');
