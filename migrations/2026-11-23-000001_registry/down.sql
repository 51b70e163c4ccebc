DROP TABLE secrets;
DROP TABLE enrollment_tokens;
DROP TABLE operators;
DROP TABLE sessions;
DROP TABLE device_keys;
DROP TABLE devices;
DROP TABLE sites;
