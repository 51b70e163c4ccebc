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
BEGIN
    EXECUTE format($definition$
        CREATE FUNCTION mark_late_hours() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $function$
        BEGIN
            INSERT INTO %I.packing_late (device, hour) SELECT DISTINCT device, date_bin('1 hour', bucket, 'epoch') FROM marked;
            RETURN NULL;
        END
        $function$
    $definition$, current_schema());
END
$migration$;

CREATE TRIGGER mark_late_hours AFTER INSERT ON rollup_late REFERENCING NEW TABLE AS marked
    FOR EACH STATEMENT EXECUTE FUNCTION mark_late_hours();
REVOKE EXECUTE ON FUNCTION mark_late_hours() FROM PUBLIC;

-- Partitions of the new table are made and dropped as those of the others. What else these functions know stays.
DO $$
DECLARE
    change text[];
    before text;
BEGIN
    FOREACH change SLICE 1 IN ARRAY ARRAY[
        ['make_partitions(text,date,date)', 'parent = ''samples''', 'parent IN (''samples'', ''packed_samples'')'],
        ['drop_partition(text,text)', 'NOT IN (''samples'',', 'NOT IN (''samples'', ''packed_samples'',']
    ] LOOP
        before := pg_get_functiondef(change[1]::regprocedure);
        IF position(change[2] IN before) = 0 THEN
            RAISE EXCEPTION '% is not as this migration knows it', change[1];
        END IF;
        EXECUTE replace(before, change[2], change[3]);
    END LOOP;
END
$$;
