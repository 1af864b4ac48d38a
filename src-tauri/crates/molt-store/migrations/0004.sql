-- The section of a project, how long a task will take, and the task that it is a part of.
ALTER TABLE tasks ADD COLUMN section TEXT;
ALTER TABLE tasks ADD COLUMN estimate_minutes INTEGER;
ALTER TABLE tasks ADD COLUMN parent TEXT;
CREATE INDEX tasks_by_parent ON tasks (parent) WHERE parent IS NOT NULL;
