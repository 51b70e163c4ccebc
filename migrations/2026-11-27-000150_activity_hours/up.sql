-- What people did, summed up by the hour: so that a report over a month reads hourly totals and not every click.

-- A row is what happened in an hour with the same of everything that reports tell apart. Of one operator and one hour only
-- the 2,000 most frequent are told apart; the others are in rows with `overflow`, where page, search and session are left
-- out and `sessions` says how many there were. A week is a partition, dropped as a whole together with its activities.
CREATE TABLE activity_hours (
    hour timestamptz NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    -- How many of them had a duration, and the sum of those.
    durations bigint NOT NULL,
    duration_ms bigint NOT NULL,
    sessions bigint NOT NULL,
    overflow boolean NOT NULL,
    activity_type text NOT NULL,
    source text NOT NULL,
    operator text COLLATE "C" NOT NULL,
    page_url text,
    search_query text,
    session_id text
) PARTITION BY RANGE (hour);
CREATE INDEX activity_hours_by_time ON activity_hours (hour);
CREATE INDEX activity_hours_by_operator ON activity_hours (operator, hour);

-- How far the totals are: everything before is in them, but for what `activity_late` names.
CREATE TABLE activity_progress (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    rolled_to timestamptz NOT NULL
);
INSERT INTO activity_progress (rolled_to)
SELECT date_bin('1 hour', coalesce(min(at), now()), 'epoch') FROM user_activities;

-- Hours that got an activity after they were summed up. Without a key: writers never wait for one another here.
CREATE TABLE activity_late (
    hour timestamptz NOT NULL
);
