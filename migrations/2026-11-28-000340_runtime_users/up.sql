-- What servers do beyond reading and writing rows, as functions that run with the rights of the user who migrates. So servers can
-- run as users that may make, change and drop nothing.
--
-- Their search path has nothing but Postgres' own: whoever may make objects elsewhere can't slip one in. Names of ours are written
-- with their schema, for which 'HOME' stands here.
DO $migration$
DECLARE
    definition text;
BEGIN
    FOREACH definition IN ARRAY ARRAY[

-- Makes the partitions of a table that rows of these days need, where they are missing, and answers the names of those made.
-- Names and bounds follow from the table and the day alone.
$definition$
CREATE FUNCTION make_partitions(parent text, from_day date, to_day date) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    home text := 'HOME';
    -- Weeks begin on Monday.
    period text := CASE
        WHEN parent = 'samples' THEN 'day'
        WHEN parent = 'rollup_1h' THEN 'month'
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
CREATE FUNCTION drop_partition(parent text, name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Both steps want the parent for a moment. Who can't have it soon tries again later rather than hold writers up.
SET lock_timeout = '1s'
AS $function$
DECLARE
    home text := 'HOME';
BEGIN
    PERFORM pg_advisory_xact_lock(x'686f6d650002'::bigint);
    IF parent NOT IN ('samples', 'rollup_1m', 'rollup_1h', 'device_states', 'user_activities', 'activity_hours', 'error_groups')
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
$definition$,

-- Writes a table of a hundred pages and takes it back. A disk that is full shows only where something is new: a row may fit into
-- a page that is there.
$definition$
CREATE FUNCTION probe_new_table() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    probe text := format('%I.homepot_write_probe', 'HOME');
BEGIN
    EXECUTE format('CREATE TABLE %s (filler text)', probe);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN filler SET STORAGE PLAIN', probe);
    EXECUTE format('INSERT INTO %s SELECT repeat(''x'', 7000) FROM generate_series(1, 100)', probe);
    -- The end of this block takes all of it back, whatever the caller does then.
    RAISE EXCEPTION USING ERRCODE = 'HP001', MESSAGE = 'it can be written';
EXCEPTION WHEN SQLSTATE 'HP001' THEN
    NULL;
END
$function$
$definition$,

-- How far back a change may still show up (services/store/src/horizon.rs). Postgres shows a user the transactions of its own
-- sessions, and those of users that it is a member of; the owner of this one has to see those of all servers. `unseen` names
-- users of servers, those who may call this, that have a session here whose transactions it does not see.
$definition$
CREATE FUNCTION watch_horizon() RETURNS TABLE (horizon timestamptz, unseen text)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT greatest(least(min(a.xact_start), now()), now() - interval '10 minutes') - interval '2 seconds',
        string_agg(DISTINCT u.rolname::text, ', ') FILTER (WHERE a.backend_type IS NULL AND NOT u.rolsuper
            AND has_function_privilege(u.oid, format('%I.watch_horizon()', 'HOME'), 'EXECUTE'))
    FROM pg_stat_activity a LEFT JOIN pg_roles u ON u.oid = a.usesysid
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
        AND (a.backend_type = 'client backend' OR a.backend_type IS NULL)
$function$
$definition$,

-- The transaction that holds the horizon back most. Not what it runs: that may hold what is nobody's business.
$definition$
CREATE FUNCTION oldest_transaction()
RETURNS TABLE (pid integer, application_name text, state text, age double precision)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $function$
    SELECT a.pid, coalesce(a.application_name, ''), coalesce(a.state, ''),
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
        AND a.xact_start IS NOT NULL
    ORDER BY a.xact_start LIMIT 1
$function$
$definition$

    ] LOOP
        EXECUTE replace(definition, '''HOME''', quote_literal(current_schema()));
    END LOOP;
END
$migration$;

-- Only their owner may call them, and who is given the right by name (HOMEPOT_DATABASE_USERS).
REVOKE EXECUTE ON FUNCTION make_partitions(text, date, date), drop_partition(text, text), probe_new_table(), watch_horizon(),
    oldest_transaction() FROM PUBLIC;
