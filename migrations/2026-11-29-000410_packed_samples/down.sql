-- The functions that make and drop partitions stay as they are: that they know one table more harms nobody.
DROP TRIGGER mark_late_hours ON rollup_late;
DROP FUNCTION mark_late_hours();
DROP TABLE packing_late;
DROP TABLE packing_progress;
DROP TABLE packed_samples;
