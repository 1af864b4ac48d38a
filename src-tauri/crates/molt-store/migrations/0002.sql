-- What a person may add to a task beside its time.
ALTER TABLE tasks ADD COLUMN labels TEXT NOT NULL DEFAULT '[]'; -- JSON, strings
ALTER TABLE tasks ADD COLUMN deadline TEXT; -- a day
ALTER TABLE tasks ADD COLUMN remind_before TEXT NOT NULL DEFAULT '[]'; -- JSON, minutes before the due time
