-- Legacy devices compare a command's type as text, so the spelling that was asked for is kept beside the type in upper case.
-- NULL: it was asked for in upper case.

ALTER TABLE commands ADD COLUMN requested_type text;
ALTER TABLE runs ADD COLUMN requested_type text;
