-- Which database this is, so that one that was restored from a dump is noticed at the first start on it. Filled by the server:
-- a dump carries the row along, and neither the cluster's identifier nor the number that a table gets when it is made.
CREATE TABLE database_identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    -- 0: this role may not ask for it.
    system_identifier bigint NOT NULL,
    own_oid bigint NOT NULL,
    -- When it was last noticed, or told, that this database was restored.
    restored_at timestamptz
);
