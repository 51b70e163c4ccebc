DROP TABLE removed_devices;
ALTER TABLE sessions ALTER COLUMN version SET DEFAULT 1;
DELETE FROM device_states WHERE status = 'unknown' OR cause = 'took_over';
ALTER TABLE device_states
    DROP CONSTRAINT device_states_status_check,
    ADD CONSTRAINT device_states_status_check CHECK (status IN ('online', 'offline'));
ALTER TABLE enrollment_tokens DROP COLUMN labels;
DROP INDEX devices_simulated;
ALTER TABLE devices DROP COLUMN token_labels, DROP COLUMN proof_key;
