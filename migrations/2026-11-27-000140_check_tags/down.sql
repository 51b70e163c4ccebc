DROP TABLE server_secrets;
ALTER TABLE enrollment_tokens DROP COLUMN check_tag;
ALTER TABLE operators DROP COLUMN check_tag;
ALTER TABLE device_keys DROP COLUMN check_tag;
