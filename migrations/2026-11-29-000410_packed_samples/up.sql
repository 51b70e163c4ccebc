-- Packed history: the samples of a device and an hour as one block of compressed columns (docs/design/packing.md). A block is
-- made of rows of `samples`, which stay as long as they are kept. Whoever finds no block reads the rows.
CREATE TABLE packed_samples (
    device bigint NOT NULL,
    -- When the hour begins.
    hour timestamptz NOT NULL,
    samples integer NOT NULL,
    block bytea NOT NULL,
    PRIMARY KEY (device, hour)
) PARTITION BY RANGE (hour);
-- A block is compressed already.
ALTER TABLE packed_samples ALTER COLUMN block SET STORAGE EXTERNAL;

-- How far packing is: all hours before `packed_to`, and of that hour the devices up to `packed_device`. What was stored before
-- this migration stays in rows until it expires.
CREATE TABLE packing_progress (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    packed_to timestamptz NOT NULL,
    packed_device bigint NOT NULL
);
INSERT INTO packing_progress (packed_to, packed_device) VALUES (date_bin('1 hour', now(), 'epoch'), 0);

-- Hours that got a sample after they were closed: until they are packed again, their blocks lack it. Without a key, as `rollup_late`:
-- writers never wait for one another here.
CREATE TABLE packing_late (
    device bigint NOT NULL,
    hour timestamptz NOT NULL,
    -- The hour can't be packed again, such as for too many samples: readers put block and rows together.
    refused boolean NOT NULL DEFAULT false
);
CREATE INDEX packing_late_of_device ON packing_late (device, hour);

-- Whoever writes a sample late marks its minute, and so its hour here, in the same transaction. By a trigger, because servers of
-- the version before, which know nothing of this, mark minutes too.
DO $migration$
DECLARE
    definition text;
BEGIN
    FOREACH definition IN ARRAY ARRAY[

$definition$
CREATE FUNCTION mark_late_hours() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
    EXECUTE format('INSERT INTO %I.packing_late (device, hour)
        SELECT DISTINCT device, date_bin(''1 hour'', bucket, ''epoch'') FROM marked', 'HOME');
    RETURN NULL;
END
$function$
$definition$,

-- As before, and for packed samples too.
-- Makes the partitions of a table that rows of these days need, where they are missing, and answers the names of those made.
-- Names and bounds follow from the table and the day alone.
$definition$
CREATE OR REPLACE FUNCTION make_partitions(parent text, from_day date, to_day date) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    home text := 'HOME';
    -- Weeks begin on Monday.
    period text := CASE
        WHEN parent IN ('samples', 'packed_samples') THEN 'day'
        WHEN parent IN ('rollup_1h', 'commands_ended') THEN 'month'
        WHEN parent IN ('rollup_1m', 'device_states', 'user_activities', 'activity_hours', 'error_groups') THEN 'week' END;
    first date;
    next date;
    name text;
    locked boolean := false;
BEGIN
    IF period IS NULL OR from_day < '1969-12-01' OR to_day > now() + interval '1 year' THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s has no partitions from %s to %s', parent, from_day, to_day);
    END IF;
    next := date_trunc(period, from_day::timestamp);
    WHILE next <= to_day LOOP
        first := next;
        next := first + ('1 ' || period)::interval;
        name := parent || to_char(first, '_YYYYMMDD');
        FOR attempt IN 1..2 LOOP
            -- By name in the catalogue: to_regclass may answer what was true before another replica made it.
            EXIT WHEN EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = to_regclass(format('%I.%I', home, parent)) AND NOT i.inhdetachpending
                    AND c.relname = name AND c.relnamespace = to_regnamespace(quote_ident(home)));
            IF NOT locked THEN
                -- Nearly every call gets by without it. Earlier versions take the same one.
                PERFORM pg_advisory_xact_lock(x'686f6d650002'::bigint);
                locked := true;
                CONTINUE;
            END IF;
            -- Made apart and then attached, which takes a lock that lets writers go on; `PARTITION OF` would stop them.
            EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING ALL)', home, name, parent);
            EXECUTE format('ALTER TABLE %1$I.%3$I ATTACH PARTITION %1$I.%2$I FOR VALUES FROM (%4$L) TO (%5$L)',
                home, name, parent,
                to_char(first, 'YYYY-MM-DD "00:00:00+00"'), to_char(next, 'YYYY-MM-DD "00:00:00+00"'));
            RETURN NEXT name;
            EXIT;
        END LOOP;
    END LOOP;
END
$function$
$definition$,

-- Drops a partition with all that is in it. Whether its time has come is for the caller to know: whoever may call this may delete
-- its rows too.
$definition$
CREATE OR REPLACE FUNCTION drop_partition(parent text, name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Both steps want the parent for a moment. Who can't have it soon tries again later rather than hold writers up.
SET lock_timeout = '1s'
AS $function$
DECLARE
    home text := 'HOME';
BEGIN
    PERFORM pg_advisory_xact_lock(x'686f6d650002'::bigint);
    IF parent NOT IN ('samples', 'commands_ended', 'packed_samples', 'rollup_1m', 'rollup_1h', 'device_states', 'user_activities',
            'activity_hours', 'error_groups')
        OR left(name, -8) <> parent || '_'
        OR NOT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = to_regclass(format('%I.%I', home, parent))
                AND c.relname = name AND c.relnamespace = to_regnamespace(quote_ident(home)))
    THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
            MESSAGE = format('%s is no partition of %s', name, parent);
    END IF;
    EXECUTE format('ALTER TABLE %1$I.%2$I DETACH PARTITION %1$I.%3$I', home, parent, name);
    EXECUTE format('DROP TABLE %I.%I', home, name);
END
$function$
$definition$

    ] LOOP
        EXECUTE replace(definition, '''HOME''', quote_literal(current_schema()));
    END LOOP;
END
$migration$;

CREATE TRIGGER mark_late_hours AFTER INSERT ON rollup_late REFERENCING NEW TABLE AS marked
    FOR EACH STATEMENT EXECUTE FUNCTION mark_late_hours();
REVOKE EXECUTE ON FUNCTION mark_late_hours() FROM PUBLIC;
