DROP INDEX enrollment_tokens_created_by;
DROP INDEX operators_made_by;
ALTER TABLE operators DROP COLUMN made_by;
