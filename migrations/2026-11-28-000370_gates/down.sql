DROP TABLE site_update_policies;
DROP INDEX rollout_devices_applying, rollout_devices_of_turns;
ALTER TABLE rollout_devices DROP COLUMN may_apply_at, DROP COLUMN ask_at, DROP COLUMN waits_for;
ALTER TABLE device_updates DROP COLUMN asks;
UPDATE rollouts SET state = 'aborted' WHERE state = 'awaiting_approval';
ALTER TABLE rollouts
    DROP COLUMN approval_site_ids, DROP COLUMN approved_by, DROP COLUMN approved_at, DROP COLUMN replaces_rollout_id;
ALTER TABLE artifacts DROP COLUMN changed_at;
