DROP INDEX commands_to_cancel;
DROP INDEX commands_claimable;
CREATE INDEX commands_claimable ON commands (device, created_at, command_id) WHERE state IN ('queued', 'sent');
DROP INDEX commands_by_key;
ALTER TABLE commands ADD UNIQUE (device, idempotency_key);
DROP INDEX commands_of_run;
DROP INDEX commands_changed;
ALTER TABLE commands
    DROP COLUMN changed_at,
    DROP COLUMN history,
    DROP COLUMN cancel_told,
    DROP COLUMN cancel_cause,
    DROP COLUMN cancel_requested_at,
    DROP COLUMN handed_on,
    DROP COLUMN journal_id,
    DROP COLUMN run_id;
DROP TABLE run_devices;
DROP TABLE runs;
