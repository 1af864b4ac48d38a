-- Instants are RFC 3339 in UTC with nine digits of a second, so that text order is time order.
-- `seq` is the order of insertion. Nothing of the user's is removed while it can be brought back: rows are hidden.

CREATE TABLE conversations (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    title      TEXT NOT NULL,
    named      INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    deleted_at TEXT
) STRICT;
CREATE INDEX conversations_by_update ON conversations (updated_at);

CREATE TABLE messages (
    seq             INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    role            TEXT NOT NULL,
    text            TEXT NOT NULL,
    state           TEXT NOT NULL,
    kind            TEXT,
    citations       TEXT NOT NULL, -- JSON
    stats           TEXT,          -- JSON
    error           TEXT,
    task_id         TEXT,
    created_at      TEXT NOT NULL,
    superseded      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX messages_by_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_streaming ON messages (seq) WHERE state = 'streaming';

CREATE TABLE sources (
    seq       INTEGER PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    path      TEXT NOT NULL UNIQUE,
    is_folder INTEGER NOT NULL,
    added_at  TEXT NOT NULL
) STRICT;

CREATE TABLE documents (
    id           TEXT PRIMARY KEY,
    source_id    TEXT NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
    path         TEXT NOT NULL UNIQUE,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    size         INTEGER NOT NULL,
    modified_at  TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    state        TEXT NOT NULL,
    reason       TEXT,
    chunks       INTEGER NOT NULL,
    pages        INTEGER,
    reader       TEXT,
    indexed_at   TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX documents_by_source ON documents (source_id);

CREATE TABLE chunks (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal     INTEGER NOT NULL,
    text        TEXT NOT NULL,
    position    TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX chunks_by_document ON chunks (document_id, ordinal);

CREATE TABLE tasks (
    seq                 INTEGER PRIMARY KEY,
    id                  TEXT NOT NULL UNIQUE,
    title               TEXT NOT NULL,
    notes               TEXT NOT NULL,
    priority            TEXT NOT NULL,
    category            TEXT,
    due_date            TEXT, -- a whole day
    due_time            TEXT, -- civil time in due_zone
    due_zone            TEXT, -- IANA name
    recurrence          TEXT, -- RFC 5545
    done_at             TEXT,
    source_conversation TEXT,
    source_message      TEXT,
    created_at          TEXT NOT NULL,
    updated_at          TEXT NOT NULL,
    deleted_at          TEXT,
    CHECK (due_date IS NULL OR due_time IS NULL),
    CHECK ((due_time IS NULL) = (due_zone IS NULL))
) STRICT;

-- One row per occurrence; the unique pair is what makes an occurrence be shown once.
CREATE TABLE reminders (
    id      TEXT PRIMARY KEY,
    task_id TEXT NOT NULL REFERENCES tasks (id),
    at      TEXT NOT NULL,
    state   TEXT NOT NULL,
    late    INTEGER NOT NULL,
    UNIQUE (task_id, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX reminders_open ON reminders (at) WHERE state <> 'answered';

CREATE TABLE settings (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    body TEXT NOT NULL -- JSON
) STRICT;

CREATE TABLE models (
    seq  INTEGER PRIMARY KEY,
    id   TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL -- JSON
) STRICT;
