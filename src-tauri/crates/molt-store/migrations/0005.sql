-- A number that grows with every change, so that a reader can ask for what changed since.
ALTER TABLE tasks ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tasks_by_revision ON tasks (revision);
