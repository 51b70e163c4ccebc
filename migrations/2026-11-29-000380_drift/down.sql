ALTER TABLE rollouts DROP COLUMN number;
DROP TABLE confirmed_values;
DROP TABLE device_mends;
DROP INDEX device_updates_drifted;
ALTER TABLE rollouts DROP COLUMN mends_drift;
ALTER TABLE releases DROP COLUMN mend_drift;
