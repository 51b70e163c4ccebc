-- The command ledger.

CREATE TABLE commands (
    command_id uuid PRIMARY KEY,
    device bigint NOT NULL REFERENCES devices ON DELETE CASCADE,
    command_type text NOT NULL,
    payload jsonb,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'acknowledged', 'running', 'succeeded',
        'failed', 'rejected', 'expired', 'cancelled', 'unknown')),
    reason text,
    result jsonb,
    created_by text NOT NULL,
    idempotency_key text,
    safe_to_repeat boolean NOT NULL,
    deliveries integer NOT NULL DEFAULT 0,
    run_timeout_ms integer NOT NULL,
    -- The session it was handed to; NULL when a poller fetched it.
    session_epoch bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    sent_at timestamptz,
    acknowledged_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (device, idempotency_key)
);
-- The history of a device.
CREATE INDEX commands_newest ON commands (device, created_at, command_id);
-- What a device may claim. Without it a claim takes 114 ms.
CREATE INDEX commands_claimable ON commands (device, created_at, command_id) WHERE state IN ('queued', 'sent');
-- What the sweep looks through.
CREATE INDEX commands_queued ON commands (expires_at) WHERE state = 'queued';
CREATE INDEX commands_under_way ON commands (expires_at) WHERE state IN ('sent', 'acknowledged', 'running');
