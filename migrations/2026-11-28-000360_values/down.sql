ALTER TABLE device_updates DROP COLUMN sealed_values;
ALTER TABLE rollout_devices DROP COLUMN sealed_values;
DROP TABLE variable_values;
