DROP TABLE finished_sign_ins;
ALTER TABLE sign_in_codes DROP COLUMN authenticated_at;
ALTER TABLE operator_sessions DROP COLUMN authenticated_at;
DROP INDEX operators_by_subject;
ALTER TABLE operators DROP COLUMN issuer, DROP COLUMN subject;
