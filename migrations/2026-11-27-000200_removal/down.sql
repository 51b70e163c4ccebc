-- What was removed and kept its history shows in lists again; its devices stay inactive and without keys.
ALTER TABLE removed_devices DROP COLUMN source;
ALTER TABLE sites DROP COLUMN removed_at;
ALTER TABLE devices DROP COLUMN removed_at;
