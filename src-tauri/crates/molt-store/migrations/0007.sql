-- Who was asked for an answer, and the keys of models on other servers.
ALTER TABLE messages ADD COLUMN answerer TEXT; -- JSON
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
