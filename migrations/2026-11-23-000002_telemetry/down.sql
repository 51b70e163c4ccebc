DROP TABLE device_latest;
-- Takes the partitions along.
DROP TABLE samples;
