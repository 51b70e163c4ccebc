DROP TABLE sample_losses;
DROP TABLE rollup_late;
DROP TABLE rollup_progress;
DROP TABLE rollup_1h;
DROP TABLE rollup_1m;
