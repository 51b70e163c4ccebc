-- Which programs this schema bears: those that know this migration. A migration that takes away what older programs use
-- raises it; a program that does not know the migration then refuses to start, instead of failing later, call by call.
CREATE TABLE schema_bears (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    oldest_migration text NOT NULL COLLATE "C"
);
INSERT INTO schema_bears (oldest_migration) VALUES ('20261128000310');
