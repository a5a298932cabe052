-- The log: the truth. `docs/log-format.md` describes it. `private` holds the sealed pieces; a redaction nulls some.
-- What stands before `body` is small: it is read without the rest. Each `body` here and below is packed
-- (`src/packed.rs`). A time is found by halving: `reached` never goes down from one `seq` to the next.
CREATE TABLE commits (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    format     INTEGER NOT NULL,
    reached    INTEGER NOT NULL, -- the latest `at` up to here
    bytes      INTEGER NOT NULL, -- of body and private, as they were written
    redacts    INTEGER NOT NULL, -- pieces that it takes out of earlier commits
    body       BLOB    NOT NULL,
    private    TEXT    NOT NULL,
    body_hash  BLOB    NOT NULL,
    chain_hash BLOB    NOT NULL
) STRICT;

-- A number for each document that ever was, which is shorter than its name.
CREATE TABLE document_keys (
    number INTEGER PRIMARY KEY,
    kind   TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    UNIQUE (kind, id)
) STRICT;

-- Which commits changed a document.
CREATE TABLE changes (
    document INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    PRIMARY KEY (document, seq)
) STRICT, WITHOUT ROWID;

-- All documents as of one commit, so that the past is never far from one; derived. `hash` guards against bit rot.
CREATE TABLE checkpoints (
    seq   INTEGER PRIMARY KEY,
    id    TEXT    NOT NULL,
    bytes INTEGER NOT NULL, -- before it was compressed
    parts INTEGER NOT NULL,
    hash  BLOB    NOT NULL
) STRICT;

CREATE TABLE checkpoint_parts (
    id   TEXT    NOT NULL,
    part INTEGER NOT NULL,
    data BLOB    NOT NULL,
    PRIMARY KEY (id, part)
) STRICT;

-- Where the log begins, once it was compacted: the last commit that is gone, and the documents as of it, in parts that
-- are like the bodies of commits. One row at most. `hash` is of the documents.
CREATE TABLE bases (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL,
    format     INTEGER NOT NULL,
    reached    INTEGER NOT NULL,
    parts      INTEGER NOT NULL,
    chain_hash BLOB    NOT NULL,
    hash       BLOB    NOT NULL
) STRICT;

CREATE TABLE base_parts (
    id        TEXT    NOT NULL,
    part      INTEGER NOT NULL,
    seqs      TEXT    NOT NULL, -- which commits had put the documents
    bytes     INTEGER NOT NULL,
    body      BLOB    NOT NULL,
    private   TEXT    NOT NULL,
    body_hash BLOB    NOT NULL,
    PRIMARY KEY (id, part)
) STRICT;

-- Where the audit log begins: the last event that is gone. One row at most.
CREATE TABLE events_base (id INTEGER PRIMARY KEY) STRICT;

-- Who does a job that only one node may do, until when, and how far it has come. `fence` counts the holders.
CREATE TABLE leases (
    name       TEXT    PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    position   INTEGER NOT NULL
) STRICT;

-- The current state, written in the transaction of the commit that made it. `hash` guards against bit rot.
CREATE TABLE documents (
    kind TEXT    NOT NULL,
    id   TEXT    NOT NULL,
    seq  INTEGER NOT NULL,
    body BLOB    NOT NULL,
    hash BLOB    NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;

-- The audit log that users search.
CREATE TABLE events (
    id                 INTEGER PRIMARY KEY,
    seq                INTEGER NOT NULL,
    type               TEXT    NOT NULL,
    at                 INTEGER NOT NULL,
    created_by         TEXT    NOT NULL,
    created_by_user_id INTEGER NOT NULL,
    ip                 TEXT,
    project            TEXT,
    environment        TEXT,
    feature            TEXT,
    tags               TEXT,
    detail             BLOB -- data and previous data, packed
) STRICT;
CREATE INDEX events_feature ON events (feature, id) WHERE feature IS NOT NULL;
CREATE INDEX events_project ON events (project, id);
CREATE INDEX events_environment ON events (environment, id) WHERE environment IS NOT NULL;
CREATE INDEX events_type ON events (type, id);
CREATE INDEX events_creator ON events (created_by_user_id, id);
CREATE INDEX events_at ON events (at);

-- The texts of events (`src/grams.rs`): which of them hold three bytes in a row. What is deleted is gone from it.
CREATE VIRTUAL TABLE events_text USING fts5 (grams, content = '', detail = none, columnsize = 0, tokenize = 'ascii');
INSERT INTO events_text (events_text, rank) VALUES ('secure-delete', 1);

-- Sessions: `hash` is the SHA-256 of the cookie's value.
CREATE TABLE sessions (
    hash       BLOB    PRIMARY KEY,
    user_id    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    generation INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Telemetry: not state; additive.
CREATE TABLE usage (
    feature     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    app_name    TEXT    NOT NULL,
    hour        INTEGER NOT NULL,
    yes         INTEGER NOT NULL,
    no          INTEGER NOT NULL,
    PRIMARY KEY (feature, environment, app_name, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_hour ON usage (hour);
CREATE INDEX usage_app ON usage (app_name, feature);

CREATE TABLE usage_variants (
    feature     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    app_name    TEXT    NOT NULL,
    hour        INTEGER NOT NULL,
    variant     TEXT    NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (feature, environment, app_name, hour, variant)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_variants_hour ON usage_variants (hour);

CREATE TABLE last_seen (
    feature     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (feature, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens_seen (token_id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE users_seen (user_id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;
CREATE TABLE pats_seen (pat_id INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT;

CREATE TABLE applications (
    app_name    TEXT    PRIMARY KEY,
    description TEXT,
    url         TEXT,
    icon        TEXT,
    color       TEXT,
    strategies  TEXT    NOT NULL,
    created_by  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    started     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE app_usage (
    app_name    TEXT NOT NULL,
    project     TEXT NOT NULL,
    environment TEXT NOT NULL,
    PRIMARY KEY (app_name, project, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE instances (
    app_name    TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    instance_id TEXT    NOT NULL,
    sdk_version TEXT,
    client_ip   TEXT,
    created_at  INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    PRIMARY KEY (app_name, environment, instance_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX instances_seen ON instances (seen_at);

CREATE TABLE unknown_flags (
    name        TEXT    NOT NULL,
    app_name    TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    seen_at     INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (name, app_name, environment)
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
    id             INTEGER PRIMARY KEY,
    username       TEXT    NOT NULL,
    ip             TEXT,
    successful     INTEGER NOT NULL,
    failure_reason TEXT,
    at             INTEGER NOT NULL
) STRICT;
CREATE INDEX logins_at ON logins (at);

-- How the deliveries of events to integrations ended; the newest of each.
CREATE TABLE deliveries (
    id            INTEGER PRIMARY KEY,
    integration   INTEGER NOT NULL,
    event         INTEGER NOT NULL,
    at            INTEGER NOT NULL,
    state         TEXT    NOT NULL,
    state_details TEXT    NOT NULL,
    details       TEXT    NOT NULL
) STRICT;
CREATE INDEX deliveries_integration ON deliveries (integration, id);
