ALTER TABLE runs DROP COLUMN changed_at;
