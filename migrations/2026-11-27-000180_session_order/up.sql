-- Which of a device's attempts to attach is the newer one: they can reach the database in another order than they were made.
ALTER TABLE sessions
    -- When the newest session's stream was opened, by this database's clock; NULL: by a server that did not note it.
    ADD COLUMN opened_at timestamptz,
    -- Since the device's boot, when it said Hello, by its own clock that nobody sets; NULL: it did not say.
    ADD COLUMN since_boot_ms bigint;
