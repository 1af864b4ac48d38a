-- What a repetition counts from, and the days left out of it.
ALTER TABLE tasks ADD COLUMN repeat_from TEXT NOT NULL DEFAULT 'schedule'; -- or 'completion'
ALTER TABLE tasks ADD COLUMN skipped TEXT NOT NULL DEFAULT '[]'; -- JSON, days
