-- What several statements say is said once. They are plain SQL, so that Postgres writes them into the statements that use them.

-- Whether a device was heard of within 2.5 of the heartbeats that it promised (`OFFLINE_AFTER_HEARTBEATS` in the code).
CREATE FUNCTION heard_lately(last_seen_at timestamptz, heartbeat_ms integer) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT coalesce(last_seen_at + heartbeat_ms * 2.5 * interval '1 millisecond' >= now(), false) $$;

-- Whether a device is there: its session has not ended, and it was heard of lately.
CREATE FUNCTION is_online(ended boolean, last_seen_at timestamptz, heartbeat_ms integer) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT NOT ended AND heard_lately(last_seen_at, heartbeat_ms) $$;

-- A step in the history of a command.
CREATE FUNCTION history_step(state text, at timestamptz, cause text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT jsonb_build_object('state', state, 'time', at, 'cause', cause) $$;
