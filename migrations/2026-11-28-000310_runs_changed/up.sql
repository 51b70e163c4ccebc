-- What watches of runs go by: when the row itself last changed, by its transaction's start; each change is later than the
-- one before. That its commands went on shows in theirs.
ALTER TABLE runs ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX runs_changed ON runs (changed_at);
