-- Who watches devices is told of those that are gone, also when it comes back later: they are remembered for a while.

ALTER TABLE removed_devices
    -- What it was called and where; NULL for those that were removed before this was kept.
    ADD COLUMN device_id text,
    ADD COLUMN site_id text,
    -- Follows the last version of its session.
    ADD COLUMN version bigint,
    -- Whether rollups have been cleared of it.
    ADD COLUMN swept boolean NOT NULL DEFAULT false;
CREATE INDEX removed_devices_unswept ON removed_devices (device) WHERE NOT swept;
CREATE INDEX removed_devices_removed_at ON removed_devices (removed_at);
