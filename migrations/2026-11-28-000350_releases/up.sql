-- Updates over the air: what people signed, and the rollouts that bring it to devices. Nothing in here can sign.

CREATE TABLE trust_roots (
    version bigint PRIMARY KEY CHECK (version > 0),
    -- With its signatures, byte by byte as it was uploaded: it is signed as bytes.
    signed bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    root_key_ids text[] NOT NULL,
    root_threshold integer NOT NULL,
    release_key_ids text[] NOT NULL,
    release_threshold integer NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE artifacts (
    sha256 text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size bigint NOT NULL,
    -- How many bytes are there, from the first one on.
    received bigint NOT NULL DEFAULT 0,
    -- When all of it was there and had this digest.
    completed_at timestamptz,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A part a row: what a device fetches at once lies in one or two of them.
CREATE TABLE artifact_parts (
    sha256 text NOT NULL REFERENCES artifacts ON DELETE CASCADE,
    start bigint NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (sha256, start)
);
-- Not compressed, so that a piece of a part is read without the rest of it. What is worth compressing was compressed before.
ALTER TABLE artifact_parts ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE releases (
    release_id uuid PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    counter bigint NOT NULL,
    signed bytea NOT NULL,
    sha256 text NOT NULL UNIQUE,
    key_ids text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, version)
);
CREATE INDEX releases_newest ON releases (created_at, release_id);

CREATE TABLE release_files (
    release_id uuid NOT NULL REFERENCES releases ON DELETE CASCADE,
    target text NOT NULL,
    -- A file that a release names stays.
    sha256 text NOT NULL REFERENCES artifacts,
    size bigint NOT NULL,
    template boolean NOT NULL,
    PRIMARY KEY (release_id, target)
);
CREATE INDEX release_files_of_artifact ON release_files (sha256);

CREATE TABLE rollouts (
    rollout_id uuid PRIMARY KEY,
    release_id uuid NOT NULL REFERENCES releases,
    target jsonb NOT NULL,
    -- The sites of its devices: who may not reach all of them does not see it.
    site_ids text[] NOT NULL,
    phases text[] NOT NULL,
    phase integer NOT NULL DEFAULT 1,
    phase_done_at timestamptz,
    soak_ms bigint NOT NULL,
    silence_ms bigint NOT NULL,
    max_in_flight integer NOT NULL,
    max_in_flight_per_site integer NOT NULL,
    max_failure_percent integer NOT NULL,
    -- Failures that who resumed it has seen.
    forgiven integer NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'paused', 'halted', 'completed', 'aborted', 'awaiting_approval')),
    reason text,
    created_by text NOT NULL,
    idempotency_key text,
    description text,
    created_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX rollouts_by_key ON rollouts (created_by, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX rollouts_of_release ON rollouts (release_id);
CREATE INDEX rollouts_newest ON rollouts (created_at, rollout_id);
-- What is to be driven on.
CREATE INDEX rollouts_running ON rollouts (rollout_id) WHERE state = 'running';
CREATE INDEX rollouts_changed ON rollouts (changed_at);

CREATE TABLE rollout_devices (
    rollout_id uuid NOT NULL REFERENCES rollouts ON DELETE CASCADE,
    device bigint NOT NULL REFERENCES devices ON DELETE CASCADE,
    -- 0: it was left out from the start.
    phase integer NOT NULL,
    state text NOT NULL DEFAULT 'waiting',
    reason text,
    -- What it was told; NULL: nothing yet.
    generation bigint,
    fetched_bytes bigint NOT NULL DEFAULT 0,
    -- When it was told, or last said anything of it.
    heard_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (rollout_id, device)
);
-- What watches go by.
CREATE INDEX rollout_devices_changed ON rollout_devices (changed_at);
CREATE INDEX rollout_devices_of_device ON rollout_devices (device);
CREATE INDEX rollout_devices_waiting ON rollout_devices (rollout_id, phase, device) WHERE state = 'waiting';
CREATE INDEX rollout_devices_in_flight ON rollout_devices (device)
    WHERE state IN ('offered', 'downloading', 'verified', 'held', 'applying', 'probation');

-- What a device should have, and what it has.
CREATE TABLE device_updates (
    device bigint PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    -- Raised with everything it is told. 0: it only said what it has.
    generation bigint NOT NULL DEFAULT 0,
    rollout_id uuid REFERENCES rollouts ON DELETE SET NULL,
    release_id uuid REFERENCES releases,
    action text CHECK (action IN ('install', 'cancel')),
    -- Of the generation, as the device last said.
    state text,
    reason text,
    -- One object a target.
    targets jsonb NOT NULL DEFAULT '[]',
    reported_at timestamptz
);
CREATE INDEX device_updates_of_rollout ON device_updates (rollout_id);
CREATE INDEX device_updates_of_release ON device_updates (release_id);
