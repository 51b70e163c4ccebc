ALTER TABLE sessions DROP COLUMN opened_at, DROP COLUMN since_boot_ms;
