-- What watches of live values go by: the start of the transaction that brought the newest sample, by the database's clock. Every
-- device's row changes every few seconds, so it has no index: without one rows are updated in place, and a look that reads the
-- whole table costs less than keeping an index would.
ALTER TABLE device_latest ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
