-- People sign in with an identity provider. A server of an earlier version sees their operators as any others, whose token nobody
-- has; it does not look at the new columns.

-- Who an operator is at its provider. Such an operator has no token: token_id is random and changes when its sessions are to end,
-- and no token has token_hash.
ALTER TABLE operators ADD COLUMN issuer text COLLATE "C",
    ADD COLUMN subject text COLLATE "C" CHECK ((issuer IS NULL) = (subject IS NULL));
CREATE UNIQUE INDEX operators_by_subject ON operators (issuer, subject) WHERE subject IS NOT NULL;

-- When the person showed who it is. NULL: when the row was made.
ALTER TABLE operator_sessions ADD COLUMN authenticated_at timestamptz;
ALTER TABLE sign_in_codes ADD COLUMN authenticated_at timestamptz;

-- Sign-ins that are over, so that none is finished twice. Kept for as long as one may take.
CREATE TABLE finished_sign_ins (
    attempt bytea PRIMARY KEY CHECK (length(attempt) = 16),
    finished_at timestamptz NOT NULL DEFAULT now()
);
