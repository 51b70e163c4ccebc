DROP TABLE device_states;

ALTER TABLE devices DROP COLUMN labels;

DROP INDEX sessions_online, sessions_flapping, sessions_contested, sessions_untold, sessions_changed;
ALTER TABLE sessions
    DROP COLUMN status,
    DROP COLUMN status_since,
    DROP COLUMN flap_penalty,
    DROP COLUMN flap_penalty_at,
    DROP COLUMN flapping_since,
    DROP COLUMN flapping_until,
    DROP COLUMN changes_not_shown,
    DROP COLUMN change_untold,
    DROP COLUMN takeover_penalty,
    DROP COLUMN takeover_penalty_at,
    DROP COLUMN contested_since,
    DROP COLUMN contested_until,
    DROP COLUMN changed_at,
    DROP COLUMN version,
    DROP COLUMN journal_id;
