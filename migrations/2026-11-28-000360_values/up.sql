-- Values of the variables of releases. Secrets are sealed by the server under its secret, which the database does not hold.

CREATE TABLE variable_values (
    variable text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('fleet', 'site', 'label', 'device')),
    -- Of the scope: empty, the site's id, the label, or the number of the device.
    owner text NOT NULL,
    -- What the value goes away with.
    site_id text REFERENCES sites ON DELETE CASCADE,
    device bigint REFERENCES devices ON DELETE CASCADE,
    value text,
    sealed bytea,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (variable, scope, owner),
    CHECK (num_nonnulls(value, sealed) = 1),
    CHECK ((scope = 'site') = (site_id IS NOT NULL) AND (scope = 'device') = (device IS NOT NULL))
);
CREATE INDEX variable_values_of_site ON variable_values (site_id) WHERE site_id IS NOT NULL;
CREATE INDEX variable_values_of_device ON variable_values (device) WHERE device IS NOT NULL;

-- All values of a device for a release in one, sealed. They are settled when a rollout starts, and kept with what the device should
-- have once it is told.
ALTER TABLE rollout_devices ADD COLUMN sealed_values bytea;
ALTER TABLE device_updates ADD COLUMN sealed_values bytea;
