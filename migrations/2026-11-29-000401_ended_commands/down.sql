DROP TRIGGER commands_filed_key ON commands;
DROP FUNCTION leave_out_filed_key();
DROP VIEW ledger;
INSERT INTO commands
SELECT command_id, device, command_type, payload, state, reason, result, created_by, idempotency_key, safe_to_repeat, deliveries,
    run_timeout_ms, session_epoch, created_at, expires_at, sent_at, acknowledged_at, started_at, finished_at, run_id, journal_id,
    handed_on, cancel_requested_at, cancel_cause, cancel_told, history, changed_at, requested_type
FROM commands_ended e
WHERE EXISTS (SELECT FROM devices d WHERE d.device = e.device)
    AND (run_id IS NULL OR EXISTS (SELECT FROM runs r WHERE r.run_id = e.run_id));
DROP TABLE commands_ended;
DO $$
DECLARE
    change text[];
BEGIN
    FOREACH change SLICE 1 IN ARRAY ARRAY[
        ['make_partitions(text,date,date)', 'parent IN (''rollup_1h'', ''commands_ended'')', 'parent = ''rollup_1h'''],
        ['drop_partition(text,text)', 'NOT IN (''samples'', ''commands_ended'',', 'NOT IN (''samples'',']
    ] LOOP
        EXECUTE replace(pg_get_functiondef(change[1]::regprocedure), change[2], change[3]);
    END LOOP;
END
$$;
