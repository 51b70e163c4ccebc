DROP TABLE error_reporters;
DROP TABLE error_groups;
DROP TABLE user_activities;
