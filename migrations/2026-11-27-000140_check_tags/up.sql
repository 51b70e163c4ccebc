-- The server's secret has left the database: whoever reads a dump or a replica can make neither tickets nor tags.

-- A short MAC of each key and token under the server's secret, which turns wrong ones away without Argon2.
-- NULL: made by an earlier version and not used since.
ALTER TABLE device_keys ADD COLUMN check_tag bytea;
ALTER TABLE operators ADD COLUMN check_tag bytea;
ALTER TABLE enrollment_tokens ADD COLUMN check_tag bytea;

-- Which secrets servers on this database use, by a one-way fingerprint: all should use the same.
CREATE TABLE server_secrets (
    fingerprint bytea PRIMARY KEY CHECK (length(fingerprint) = 16),
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- The key of tickets so far. A server of an earlier version beside this one may still read a row at its start, so the row
-- stays; nobody who has an older dump knows what is in it now.
UPDATE secrets SET secret = uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
