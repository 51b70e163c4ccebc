-- Each command is one row that is written four or five times, so dead rows come by the ten thousand a second. With Postgres'
-- own settings they may become a fifth of the table before they are cleaned up, which in a ledger of years is millions, and
-- every look into an index passes them.
ALTER TABLE commands SET (
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_limit = 2000
);
