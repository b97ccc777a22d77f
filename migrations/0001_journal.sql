-- The journal and its projections.
--
-- The record is `event` and `personal`. Every other table is a projection: the fold of the events, which can be dropped and made
-- again. Nothing here needs a function of the application, so that a stock sqlite3 can check the evidence.

CREATE TABLE event (
    seq  INTEGER PRIMARY KEY,
    -- Canonical JSON (RFC 8785). Its bytes are hashed as they stand here.
    body TEXT NOT NULL,
    -- SHA-256(0x00 || body): the leaf hash of RFC 6962.
    leaf BLOB NOT NULL CHECK (length(leaf) = 32),
    -- What is queried is generated from what was hashed, so the two cannot differ.
    prev     TEXT    GENERATED ALWAYS AS (json_extract(body, '$.prev')) VIRTUAL,
    at       TEXT    GENERATED ALWAYS AS (json_extract(body, '$.at')) VIRTUAL,
    kind     TEXT    GENERATED ALWAYS AS (json_extract(body, '$.kind')) VIRTUAL,
    run      INTEGER GENERATED ALWAYS AS (json_extract(body, '$.run')) VIRTUAL,
    job      INTEGER GENERATED ALWAYS AS (json_extract(body, '$.job')) VIRTUAL,
    action   INTEGER GENERATED ALWAYS AS (json_extract(body, '$.data.action')) VIRTUAL,
    workflow TEXT    GENERATED ALWAYS AS (json_extract(body, '$.data.workflow')) VIRTUAL,
    user     INTEGER GENERATED ALWAYS AS (json_extract(body, '$.data.user')) VIRTUAL
) STRICT;

CREATE INDEX event_by_job ON event (job, kind);
CREATE INDEX event_by_workflow ON event (workflow) WHERE workflow IS NOT NULL;
CREATE INDEX event_by_user ON event (user) WHERE user IS NOT NULL;

-- Demanding the next number also stops INSERT OR REPLACE, whose implicit delete fires no trigger by default.
CREATE TRIGGER event_is_appended BEFORE INSERT ON event
BEGIN
    SELECT RAISE(ABORT, 'an event is only ever appended')
    WHERE NEW.seq IS NOT coalesce((SELECT max(seq) + 1 FROM event), 0);
    SELECT RAISE(ABORT, 'an event names the one before it')
    WHERE json_extract(NEW.body, '$.prev')
        IS NOT (SELECT lower(hex(leaf)) FROM event ORDER BY seq DESC LIMIT 1);
END;

CREATE TRIGGER event_is_not_updated BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'an event is never changed');
END;

CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'an event is never deleted');
END;

-- The only place that holds a personal value. The event holds SHA-256(0x02 || salt || value).
CREATE TABLE personal (
    commitment TEXT PRIMARY KEY CHECK (length(commitment) = 64),
    event      INTEGER NOT NULL REFERENCES event (seq),
    -- Whom it is about: a user of the portal, or a row of the roster whose user was not known yet, or nobody in particular.
    user       INTEGER,
    roster_row INTEGER,
    salt       BLOB CHECK (length(salt) = 32),
    value      TEXT,
    CHECK ((salt IS NULL) = (value IS NULL))
) STRICT;

CREATE INDEX personal_by_user ON personal (user) WHERE user IS NOT NULL;

CREATE TRIGGER personal_is_appended BEFORE INSERT ON personal
BEGIN
    SELECT RAISE(ABORT, 'a personal value is never replaced')
    WHERE EXISTS (SELECT 1 FROM personal WHERE commitment = NEW.commitment);
END;

CREATE TRIGGER personal_is_only_erased BEFORE UPDATE ON personal
BEGIN
    SELECT RAISE(ABORT, 'a personal value is only ever erased')
    WHERE NEW.salt IS NOT NULL
       OR NEW.value IS NOT NULL
       OR NEW.commitment IS NOT OLD.commitment
       OR NEW.event IS NOT OLD.event
       OR NEW.user IS NOT OLD.user
       OR NEW.roster_row IS NOT OLD.roster_row;
END;

CREATE TRIGGER personal_is_not_deleted BEFORE DELETE ON personal
BEGIN
    SELECT RAISE(ABORT, 'the row of a personal value stays');
END;

-- Projections. A column that ends in _personal holds a commitment.

CREATE TABLE job (
    job            INTEGER PRIMARY KEY,
    portal         TEXT NOT NULL,
    policy_hash    TEXT NOT NULL,
    default_action TEXT,
    begun_by       TEXT NOT NULL,
    actions_max    INTEGER,
    created_at     TEXT NOT NULL,
    -- The oldest answer of the portal that the plan rests on.
    snapshot_at    TEXT,
    resolved       INTEGER NOT NULL DEFAULT 0,
    plan_hash      TEXT,
    frozen_at      TEXT,
    orphans        INTEGER NOT NULL DEFAULT 0,
    started_by_colleagues INTEGER NOT NULL DEFAULT 0,
    confirmed_at   TEXT,
    -- PORTAL:COUNT:HASH8 of what was confirmed.
    confirm        TEXT,
    closed_at      TEXT,
    relisted       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE run (
    run         INTEGER PRIMARY KEY,
    job         INTEGER NOT NULL,
    command     TEXT NOT NULL,
    started_at  TEXT NOT NULL,
    finished_at TEXT,
    stop_reason TEXT,
    requests    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE roster_row (
    job                  INTEGER NOT NULL,
    row                  INTEGER NOT NULL,
    line                 INTEGER NOT NULL,
    id                   INTEGER,
    email_personal       TEXT,
    first_name_personal  TEXT,
    last_name_personal   TEXT,
    second_name_personal TEXT,
    full_name_personal   TEXT,
    action               TEXT,
    state                TEXT,
    reason               TEXT,
    user                 INTEGER,
    same_as              INTEGER,
    PRIMARY KEY (job, row)
) STRICT, WITHOUT ROWID;

CREATE TABLE user (
    job                  INTEGER NOT NULL,
    user                 INTEGER NOT NULL,
    active               INTEGER NOT NULL,
    first_name_personal  TEXT,
    last_name_personal   TEXT,
    second_name_personal TEXT,
    email_personal       TEXT,
    discovered           INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE candidate (
    job  INTEGER NOT NULL,
    row  INTEGER NOT NULL,
    user INTEGER NOT NULL,
    PRIMARY KEY (job, row, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE task (
    job                    INTEGER NOT NULL,
    task                   INTEGER NOT NULL,
    user                   INTEGER NOT NULL,
    workflow               TEXT NOT NULL,
    status                 INTEGER NOT NULL,
    user_status            INTEGER NOT NULL,
    name_personal          TEXT,
    document_name_personal TEXT,
    PRIMARY KEY (job, task, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX task_by_workflow ON task (job, workflow);

CREATE TABLE workflow (
    job               INTEGER NOT NULL,
    workflow          TEXT NOT NULL,
    running           INTEGER NOT NULL,
    module            TEXT,
    entity            TEXT,
    document          TEXT,
    template          TEXT,
    document_personal TEXT,
    started           TEXT,
    started_by        INTEGER,
    started_by_active INTEGER,
    PRIMARY KEY (job, workflow)
) STRICT, WITHOUT ROWID;

CREATE TABLE action (
    job      INTEGER NOT NULL,
    action   INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    -- NULL where the rows of its people ask for different actions.
    kind     TEXT,
    state    TEXT NOT NULL,
    -- Hold reasons, separated by commas, the first the one to show.
    holds    TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    ended_at TEXT,
    -- Why it drifted, or what the portal said last.
    detail   TEXT,
    text_personal TEXT,
    PRIMARY KEY (job, action)
) STRICT, WITHOUT ROWID;

CREATE INDEX action_by_workflow ON action (workflow);

CREATE TABLE participant (
    job     INTEGER NOT NULL,
    action  INTEGER NOT NULL,
    user    INTEGER NOT NULL,
    -- 1: a matched person of the job; 0: somebody else who waits in the workflow.
    matched INTEGER NOT NULL,
    PRIMARY KEY (job, action, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE residue (
    job      INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    tasks    INTEGER NOT NULL,
    PRIMARY KEY (job, workflow)
) STRICT, WITHOUT ROWID;
