-- Who made an operator, so that what somebody made can be taken along when it is revoked.

-- The maker's name, which is for ever unique. NULL: the server's first start made it, or an earlier version did.
ALTER TABLE operators ADD COLUMN made_by text COLLATE "C";
CREATE INDEX operators_made_by ON operators (made_by) WHERE made_by IS NOT NULL;
CREATE INDEX enrollment_tokens_created_by ON enrollment_tokens (created_by);
