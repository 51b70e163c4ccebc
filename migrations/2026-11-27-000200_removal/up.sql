-- Real devices and sites can be removed for good. Where their history is kept their rows stay, so that it can be read by their ids
-- and the ids stay taken.

-- When it was removed; NULL: it was not. A device that was removed is inactive and has no keys, so that a server of an earlier
-- version, which does not know the column, keeps it out too.
ALTER TABLE devices ADD COLUMN removed_at timestamptz;
ALTER TABLE sites ADD COLUMN removed_at timestamptz;

-- What the device was that is gone: until now only simulated ones were removed.
ALTER TABLE removed_devices ADD COLUMN source text NOT NULL DEFAULT 'simulated' CHECK (source IN ('real', 'simulated'));
