ALTER TABLE device_latest DROP COLUMN changed_at;
