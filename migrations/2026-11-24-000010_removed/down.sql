DROP INDEX removed_devices_removed_at;
-- Those that were swept have nothing left to clear.
DELETE FROM removed_devices WHERE swept;
DROP INDEX removed_devices_unswept;
ALTER TABLE removed_devices DROP COLUMN swept, DROP COLUMN version, DROP COLUMN site_id, DROP COLUMN device_id;
