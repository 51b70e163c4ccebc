DROP TRIGGER mark_late_hours ON rollup_late;
DROP FUNCTION mark_late_hours();
DROP TABLE packing_late;
DROP TABLE packing_progress;
DROP TABLE packed_samples;
DO $$
DECLARE
    change text[];
BEGIN
    FOREACH change SLICE 1 IN ARRAY ARRAY[
        ['make_partitions(text,date,date)', 'parent IN (''samples'', ''packed_samples'')', 'parent = ''samples'''],
        ['drop_partition(text,text)', 'NOT IN (''samples'', ''packed_samples'',', 'NOT IN (''samples'',']
    ] LOOP
        EXECUTE replace(pg_get_functiondef(change[1]::regprocedure), change[2], change[3]);
    END LOOP;
END
$$;
