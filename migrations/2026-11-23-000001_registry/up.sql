-- Sites, devices and their keys, operators and enrolment tokens.
-- Ids sort by byte (COLLATE "C"): pages stay stable whatever the machine's locale is or becomes.

CREATE TABLE sites (
    site_id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    description text,
    location text,
    open_enrollment boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE devices (
    device bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id text COLLATE "C" NOT NULL UNIQUE,
    site_id text COLLATE "C" NOT NULL REFERENCES sites,
    name text NOT NULL,
    device_type text NOT NULL,
    ip_address text,
    mac_address text,
    firmware_version text,
    config jsonb,
    source text NOT NULL CHECK (source IN ('real', 'simulated')),
    active boolean NOT NULL DEFAULT true,
    maintenance boolean NOT NULL DEFAULT false,
    -- Raised when what was verified before may no longer count.
    credential_version integer NOT NULL DEFAULT 1,
    claim_hash bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX devices_by_site ON devices (site_id, device_id);

CREATE TABLE device_keys (
    device bigint NOT NULL REFERENCES devices ON DELETE CASCADE,
    -- The public letters of the key, by which its hash is found.
    key_id text COLLATE "C" NOT NULL,
    hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    PRIMARY KEY (device, key_id)
);

-- The newest session of each device, apart from `devices`: it changes all the time, and a narrow row with free room
-- on its page changes in place.
CREATE TABLE sessions (
    device bigint PRIMARY KEY REFERENCES devices ON DELETE CASCADE,
    session_epoch bigint NOT NULL DEFAULT 0,
    last_seen_at timestamptz,
    attached_at timestamptz,
    ended boolean NOT NULL DEFAULT false,
    heartbeat_ms integer NOT NULL DEFAULT 0,
    replica text,
    agent_version text,
    boot_id text,
    capabilities text[]
) WITH (fillfactor = 50);

CREATE TABLE operators (
    name text COLLATE "C" PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    -- NULL: every site.
    site_ids text[],
    token_id text COLLATE "C" NOT NULL UNIQUE,
    token_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE enrollment_tokens (
    token_id text COLLATE "C" PRIMARY KEY,
    token_hash text NOT NULL,
    site_id text COLLATE "C" NOT NULL REFERENCES sites,
    source text NOT NULL CHECK (source IN ('real', 'simulated')),
    uses_left integer NOT NULL CHECK (uses_left >= 0),
    max_uses integer NOT NULL CHECK (max_uses >= uses_left),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX enrollment_tokens_newest ON enrollment_tokens (created_at, token_id);

-- What all replicas must share and nobody chose, such as the key of reconnect tickets.
CREATE TABLE secrets (
    name text COLLATE "C" PRIMARY KEY,
    secret bytea NOT NULL CHECK (length(secret) = 32)
);
