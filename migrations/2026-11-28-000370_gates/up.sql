-- What holds a rollout back: maintenance windows of a site, turns of its devices, and the approval of a second person.

-- A site without a row: at any time, and without approval.
CREATE TABLE site_update_policies (
    site_id text PRIMARY KEY REFERENCES sites ON DELETE CASCADE,
    -- By its name in the IANA database; empty without windows.
    time_zone text NOT NULL,
    windows text[] NOT NULL,
    needs_approval boolean NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE rollout_devices
    -- When it was allowed to apply what it has; NULL: it was not, or no more.
    ADD COLUMN may_apply_at timestamptz,
    -- When it was told to ask again; it does not count as silent before.
    ADD COLUMN ask_at timestamptz,
    -- What the server lets it wait for; NULL: nothing.
    ADD COLUMN waits_for text CHECK (waits_for IN ('window', 'turn'));
UPDATE rollout_devices SET may_apply_at = changed_at WHERE state IN ('applying', 'probation');
-- Those that may be changing files at this moment: few, and counted whenever another one asks.
CREATE INDEX rollout_devices_applying ON rollout_devices (device)
    WHERE may_apply_at IS NOT NULL AND state IN ('offered', 'downloading', 'verified', 'held', 'applying', 'probation');
CREATE INDEX rollout_devices_of_turns ON rollout_devices (device) WHERE waits_for IS NOT NULL;

-- Raised when a device that waits is to ask again.
ALTER TABLE device_updates ADD COLUMN asks integer NOT NULL DEFAULT 0;

ALTER TABLE rollouts
    ADD COLUMN approval_site_ids text[] NOT NULL DEFAULT '{}',
    ADD COLUMN approved_by text,
    ADD COLUMN approved_at timestamptz,
    ADD COLUMN replaces_rollout_id uuid;

-- When a part of it last came: what no release uses goes a day later.
ALTER TABLE artifacts ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX artifacts_by_change ON artifacts (changed_at);
