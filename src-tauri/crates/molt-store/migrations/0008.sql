-- What changed since is known in memory, for tasks and documents alike.
DROP INDEX tasks_by_revision;
ALTER TABLE tasks DROP COLUMN revision;
