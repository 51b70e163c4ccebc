-- The ledger in two tables: `commands` has what is under way and what has just ended, and maintenance moves what ended to
-- `commands_ended`, which is kept by month and dropped by month. What is queued, claimed and told of each second is then in a
-- table that is as large as the work under way, whatever has gone before.
--
-- Programs that know nothing of the second table go on working: what they read and write is in the first, where commands stay for
-- a minute after their end, and those of a run until it has ended. See docs/design/commands.md.
CREATE TABLE commands_ended (
    LIKE commands INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    -- When it was moved here: after its last change.
    filed_at timestamptz NOT NULL,
    PRIMARY KEY (command_id, filed_at)
) PARTITION BY RANGE (filed_at);
CREATE INDEX commands_ended_newest ON commands_ended (device, created_at, command_id);
CREATE INDEX commands_ended_by_key ON commands_ended (device, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX commands_ended_of_run ON commands_ended (run_id, device) WHERE run_id IS NOT NULL;
-- What watches look for: rows come in its order, at the end of one partition.
CREATE INDEX commands_ended_filed ON commands_ended (filed_at);

-- The whole ledger, for whoever only reads. A command is in one of both at any moment.
CREATE VIEW ledger AS
SELECT command_id, device, command_type, payload, state, reason, result, created_by, idempotency_key, safe_to_repeat, deliveries,
    run_timeout_ms, session_epoch, created_at, expires_at, sent_at, acknowledged_at, started_at, finished_at, run_id, journal_id,
    handed_on, cancel_requested_at, cancel_cause, cancel_told, history, changed_at, requested_type,
    'infinity'::timestamptz AS filed_at
FROM commands
UNION ALL
SELECT command_id, device, command_type, payload, state, reason, result, created_by, idempotency_key, safe_to_repeat, deliveries,
    run_timeout_ms, session_epoch, created_at, expires_at, sent_at, acknowledged_at, started_at, finished_at, run_id, journal_id,
    handed_on, cancel_requested_at, cancel_cause, cancel_told, history, changed_at, requested_type, filed_at
FROM commands_ended;

-- An idempotency key holds as long as its command is kept, in whichever table, and whichever program inserts. A row with a key
-- that has ended is left out, as ON CONFLICT DO NOTHING leaves out one whose key is under way. One that is being moved is waited
-- for: each statement of this function sees what was committed before it.
CREATE FUNCTION leave_out_filed_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM commands WHERE device = NEW.device AND idempotency_key = NEW.idempotency_key FOR KEY SHARE;
    IF EXISTS (SELECT FROM commands_ended WHERE device = NEW.device AND idempotency_key = NEW.idempotency_key) THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER commands_filed_key BEFORE INSERT ON commands
    FOR EACH ROW WHEN (NEW.idempotency_key IS NOT NULL) EXECUTE FUNCTION leave_out_filed_key();

-- Partitions of the new table are made and dropped as those of the others. What else these functions know stays.
DO $$
DECLARE
    change text[];
    before text;
BEGIN
    FOREACH change SLICE 1 IN ARRAY ARRAY[
        ['make_partitions(text,date,date)', 'parent = ''rollup_1h''', 'parent IN (''rollup_1h'', ''commands_ended'')'],
        ['drop_partition(text,text)', 'NOT IN (''samples'',', 'NOT IN (''samples'', ''commands_ended'',']
    ] LOOP
        before := pg_get_functiondef(change[1]::regprocedure);
        IF position(change[2] IN before) = 0 THEN
            RAISE EXCEPTION '% is not as this migration knows it', change[1];
        END IF;
        EXECUTE replace(before, change[2], change[3]);
    END LOOP;
END
$$;
