DROP FUNCTION oldest_transaction();
DROP FUNCTION watch_horizon();
DROP FUNCTION probe_new_table();
DROP FUNCTION drop_partition(text, text);
DROP FUNCTION make_partitions(text, date, date);
