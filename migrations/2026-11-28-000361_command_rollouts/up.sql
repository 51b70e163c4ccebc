-- Commands that a rollout brings to their device.
CREATE TABLE command_rollouts (
    command_id uuid PRIMARY KEY REFERENCES commands ON DELETE CASCADE,
    rollout_id uuid NOT NULL REFERENCES rollouts ON DELETE CASCADE,
    -- When the command ended as its device did.
    settled_at timestamptz
);
CREATE INDEX command_rollouts_of_rollout ON command_rollouts (rollout_id);
CREATE INDEX command_rollouts_open ON command_rollouts (command_id) WHERE settled_at IS NULL;
