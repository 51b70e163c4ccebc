ALTER TABLE runs DROP COLUMN requested_type;
ALTER TABLE commands DROP COLUMN requested_type;
