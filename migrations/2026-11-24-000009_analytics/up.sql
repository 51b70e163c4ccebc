-- What people and applications do.

-- A week is a partition, dropped whole when all in it has expired.
CREATE TABLE user_activities (
    at timestamptz NOT NULL,
    number bigint NOT NULL,
    duration_ms integer,
    activity_type text NOT NULL,
    source text NOT NULL CHECK (source IN ('real', 'simulated')),
    -- Who did it. No foreign key: it is told for as long as it is kept, and looked up by nobody.
    operator text COLLATE "C" NOT NULL,
    page_url text,
    element_id text,
    search_query text,
    session_id text,
    metadata jsonb,
    PRIMARY KEY (at, number)
) PARTITION BY RANGE (at);
CREATE SEQUENCE user_activities_number;
ALTER TABLE user_activities ALTER COLUMN number SET DEFAULT nextval('user_activities_number');
ALTER SEQUENCE user_activities_number OWNED BY user_activities.number;
-- Who is bound to sites reads its own only.
CREATE INDEX user_activities_by_operator ON user_activities (operator, at, number);

-- Errors with their repeats: a row is what is the same but for the numbers in it, of one hour. A week is a partition.
CREATE TABLE error_groups (
    hour timestamptz NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    number bigint NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    device bigint,
    overflow boolean NOT NULL,
    -- Of all that tells groups of an hour apart.
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 16),
    source text NOT NULL CHECK (source IN ('real', 'simulated')),
    severity text NOT NULL,
    category text NOT NULL,
    site_id text COLLATE "C",
    -- Who logged them; NULL: the device itself.
    operator text COLLATE "C",
    error_code text,
    endpoint text,
    -- From here on of the newest of them.
    message text NOT NULL,
    stack_trace text,
    user_id text,
    context jsonb,
    PRIMARY KEY (hour, fingerprint)
) PARTITION BY RANGE (hour);
CREATE SEQUENCE error_groups_number;
ALTER TABLE error_groups ALTER COLUMN number SET DEFAULT nextval('error_groups_number');
ALTER SEQUENCE error_groups_number OWNED BY error_groups.number;
CREATE INDEX error_groups_newest ON error_groups (hour, number);
CREATE INDEX error_groups_by_device ON error_groups (device, hour) WHERE device IS NOT NULL;

-- How many groups each reporter has in an hour, so that a flood of different errors ends in one row and not in a million.
-- The row is also the lock under which groups of one reporter change.
CREATE TABLE error_reporters (
    hour timestamptz NOT NULL,
    reporter text COLLATE "C" NOT NULL,
    groups integer NOT NULL,
    PRIMARY KEY (hour, reporter)
) WITH (fillfactor = 50);
