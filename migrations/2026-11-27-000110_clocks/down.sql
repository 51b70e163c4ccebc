ALTER TABLE sessions DROP COLUMN clock_skew_ms;
DROP TABLE clock_steps_back;
DROP TABLE corrected_samples;
DROP TABLE maintenance_clock;
