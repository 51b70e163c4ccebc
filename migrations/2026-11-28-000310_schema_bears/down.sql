DROP TABLE schema_bears;
