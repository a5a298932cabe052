-- The log: the truth. `docs/log-format.md` describes it. `private` holds the sealed pieces; a redaction nulls some.
-- What stands before `body` is small: it is read without the rest. Each `body` here and below is packed
-- (`src/packed.rs`). A time is found by halving: `reached` never goes down from one `seq` to the next.
CREATE TABLE commits (
    seq        BIGINT  PRIMARY KEY,
    id         TEXT    NOT NULL,
    at         BIGINT  NOT NULL,
    format     BIGINT  NOT NULL,
    reached    BIGINT  NOT NULL, -- the latest `at` up to here
    bytes      BIGINT  NOT NULL, -- of body and private, as they were written
    redacts    BIGINT  NOT NULL, -- pieces that it takes out of earlier commits
    body       BYTEA   NOT NULL,
    private    TEXT    NOT NULL,
    body_hash  BYTEA   NOT NULL,
    chain_hash BYTEA   NOT NULL
);

-- A number for each document that ever was, which is shorter than its name.
CREATE TABLE document_keys (
    number BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind   TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    UNIQUE (kind, id)
);

-- Which commits changed a document.
CREATE TABLE changes (
    document BIGINT  NOT NULL,
    seq      BIGINT  NOT NULL,
    PRIMARY KEY (document, seq)
);

-- All documents as of one commit, so that the past is never far from one; derived. `hash` guards against bit rot.
CREATE TABLE checkpoints (
    seq   BIGINT  PRIMARY KEY,
    id    TEXT    NOT NULL,
    bytes BIGINT  NOT NULL, -- before it was compressed
    parts BIGINT  NOT NULL,
    hash  BYTEA   NOT NULL
);

CREATE TABLE checkpoint_parts (
    id   TEXT    NOT NULL,
    part BIGINT  NOT NULL,
    data BYTEA   NOT NULL,
    PRIMARY KEY (id, part)
);

-- Where the log begins, once it was compacted: the last commit that is gone, and the documents as of it, in parts that
-- are like the bodies of commits. One row at most. `hash` is of the documents.
CREATE TABLE bases (
    seq        BIGINT  PRIMARY KEY,
    id         TEXT    NOT NULL,
    format     BIGINT  NOT NULL,
    reached    BIGINT  NOT NULL,
    parts      BIGINT  NOT NULL,
    chain_hash BYTEA   NOT NULL,
    hash       BYTEA   NOT NULL
);

CREATE TABLE base_parts (
    id        TEXT    NOT NULL,
    part      BIGINT  NOT NULL,
    seqs      TEXT    NOT NULL, -- which commits had put the documents
    bytes     BIGINT  NOT NULL,
    body      BYTEA   NOT NULL,
    private   TEXT    NOT NULL,
    body_hash BYTEA   NOT NULL,
    PRIMARY KEY (id, part)
);

-- Where the audit log begins: the last event that is gone. One row at most.
CREATE TABLE events_base (id BIGINT PRIMARY KEY);

-- Who does a job that only one node may do, until when, and how far it has come. `fence` counts the holders.
CREATE TABLE leases (
    name       TEXT    PRIMARY KEY,
    holder     TEXT    NOT NULL,
    fence      BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    position   BIGINT  NOT NULL
);

-- The current state, written in the transaction of the commit that made it. `hash` guards against bit rot.
CREATE TABLE documents (
    kind TEXT    NOT NULL,
    id   TEXT    NOT NULL,
    seq  BIGINT  NOT NULL,
    body BYTEA   NOT NULL,
    hash BYTEA   NOT NULL,
    PRIMARY KEY (kind, id)
);

-- The audit log that users search.
CREATE TABLE events (
    id                 BIGINT  PRIMARY KEY,
    seq                BIGINT  NOT NULL,
    type               TEXT    NOT NULL,
    at                 BIGINT  NOT NULL,
    created_by         TEXT    NOT NULL,
    created_by_user_id BIGINT  NOT NULL,
    ip                 TEXT,
    project            TEXT,
    environment        TEXT,
    feature            TEXT,
    tags               TEXT,
    detail             BYTEA, -- data and previous data, packed
    grams              INTEGER[] NOT NULL DEFAULT '{}' -- its texts (`src/grams.rs`): three bytes in a row
);
CREATE INDEX events_feature ON events (feature, id) WHERE feature IS NOT NULL;
CREATE INDEX events_project ON events (project, id);
CREATE INDEX events_environment ON events (environment, id) WHERE environment IS NOT NULL;
CREATE INDEX events_type ON events (type, id);
CREATE INDEX events_creator ON events (created_by_user_id, id);
CREATE INDEX events_at ON events (at);
-- What waits to be sorted in is looked through by every search.
CREATE INDEX events_text ON events USING gin (grams) WITH (gin_pending_list_limit = 256);

-- Sessions: `hash` is the SHA-256 of the cookie's value.
CREATE TABLE sessions (
    hash       BYTEA   PRIMARY KEY,
    user_id    BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    generation BIGINT  NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Telemetry: not state; additive.
CREATE TABLE usage (
    feature     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    app_name    TEXT    NOT NULL,
    hour        BIGINT  NOT NULL,
    yes         BIGINT  NOT NULL,
    no          BIGINT  NOT NULL,
    PRIMARY KEY (feature, environment, app_name, hour)
);
CREATE INDEX usage_hour ON usage (hour);
CREATE INDEX usage_app ON usage (app_name, feature);

CREATE TABLE usage_variants (
    feature     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    app_name    TEXT    NOT NULL,
    hour        BIGINT  NOT NULL,
    variant     TEXT    NOT NULL,
    count       BIGINT  NOT NULL,
    PRIMARY KEY (feature, environment, app_name, hour, variant)
);
CREATE INDEX usage_variants_hour ON usage_variants (hour);

CREATE TABLE last_seen (
    feature     TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    at          BIGINT  NOT NULL,
    PRIMARY KEY (feature, environment)
);

CREATE TABLE tokens_seen (token_id TEXT PRIMARY KEY, at BIGINT NOT NULL);
CREATE TABLE users_seen (user_id BIGINT  PRIMARY KEY, at BIGINT NOT NULL);
CREATE TABLE pats_seen (pat_id BIGINT  PRIMARY KEY, at BIGINT NOT NULL);

CREATE TABLE applications (
    app_name    TEXT    PRIMARY KEY,
    description TEXT,
    url         TEXT,
    icon        TEXT,
    color       TEXT,
    strategies  TEXT    NOT NULL,
    created_by  TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    seen_at     BIGINT  NOT NULL,
    started     BIGINT  NOT NULL
);

CREATE TABLE app_usage (
    app_name    TEXT NOT NULL,
    project     TEXT NOT NULL,
    environment TEXT NOT NULL,
    PRIMARY KEY (app_name, project, environment)
);

CREATE TABLE instances (
    app_name    TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    instance_id TEXT    NOT NULL,
    sdk_version TEXT,
    client_ip   TEXT,
    created_at  BIGINT  NOT NULL,
    seen_at     BIGINT  NOT NULL,
    PRIMARY KEY (app_name, environment, instance_id)
);
CREATE INDEX instances_seen ON instances (seen_at);

CREATE TABLE unknown_flags (
    name        TEXT    NOT NULL,
    app_name    TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    seen_at     BIGINT  NOT NULL,
    count       BIGINT  NOT NULL,
    PRIMARY KEY (name, app_name, environment)
);

CREATE TABLE logins (
    id             BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username       TEXT    NOT NULL,
    ip             TEXT,
    successful     BIGINT  NOT NULL,
    failure_reason TEXT,
    at             BIGINT  NOT NULL
);
CREATE INDEX logins_at ON logins (at);

-- How the deliveries of events to integrations ended; the newest of each.
CREATE TABLE deliveries (
    id            BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    integration   BIGINT  NOT NULL,
    event         BIGINT  NOT NULL,
    at            BIGINT  NOT NULL,
    state         TEXT    NOT NULL,
    state_details TEXT    NOT NULL,
    details       TEXT    NOT NULL
);
CREATE INDEX deliveries_integration ON deliveries (integration, id);
