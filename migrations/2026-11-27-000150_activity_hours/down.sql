DROP TABLE activity_late;
DROP TABLE activity_progress;
DROP TABLE activity_hours;
