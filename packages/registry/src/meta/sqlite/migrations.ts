import { FLEET_SCHEMA } from './fleet-schema.js';
import { HISTORY_SCHEMA } from './history-schema.js';
import { NOTICE_SCHEMA } from './notice-schema.js';

/** The tables of tracks and of yanked versions. Lists, authors and progress are JSON, because they are read as a whole. */
const TRACK_SCHEMA = `
  CREATE TABLE tracks (
    component   TEXT PRIMARY KEY,
    source      TEXT NOT NULL,
    bump        TEXT NOT NULL,
    interval_ms REAL NOT NULL,
    os          TEXT NOT NULL,
    arch        TEXT NOT NULL,
    slot        TEXT,
    author      TEXT NOT NULL,
    created     TEXT NOT NULL,
    progress    TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE yanked_versions (
    component TEXT NOT NULL,
    version   TEXT NOT NULL,
    time      TEXT NOT NULL,
    PRIMARY KEY (component, version)
  ) STRICT, WITHOUT ROWID;
`;

/**
 * The schema, one statement list per version of `PRAGMA user_version`. A released entry is never edited: a change is
 * a new entry. Times are RFC 3339 UTC with milliseconds, so that text order is time order.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE versions (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    component TEXT NOT NULL,
    version   TEXT NOT NULL,
    hash      TEXT NOT NULL,
    size      INTEGER NOT NULL,
    created   TEXT NOT NULL,
    UNIQUE (component, version)
  ) STRICT;
  CREATE INDEX versions_by_hash ON versions (hash);

  CREATE TABLE configurations (
    name    TEXT PRIMARY KEY,
    head    INTEGER NOT NULL,
    deleted INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE revisions (
    configuration TEXT NOT NULL REFERENCES configurations (name),
    number        INTEGER NOT NULL,
    mtime         TEXT NOT NULL,
    hash          TEXT NOT NULL,
    fingerprint   TEXT NOT NULL,
    comment       TEXT NOT NULL,
    command       TEXT NOT NULL,
    PRIMARY KEY (configuration, number)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE revision_layers (
    configuration TEXT NOT NULL,
    number        INTEGER NOT NULL,
    position      INTEGER NOT NULL,
    component     TEXT NOT NULL,
    version       TEXT NOT NULL,
    hash          TEXT NOT NULL,
    size          INTEGER NOT NULL,
    created       TEXT NOT NULL,
    PRIMARY KEY (configuration, number, position),
    FOREIGN KEY (configuration, number) REFERENCES revisions (configuration, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX revision_layers_by_component ON revision_layers (component, version);

  CREATE TABLE uploads (
    hash    TEXT NOT NULL,
    owner   TEXT NOT NULL,
    size    INTEGER NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (hash, owner)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    time        TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    comment     TEXT NOT NULL,
    user        TEXT NOT NULL,
    address     TEXT NOT NULL,
    via         TEXT NOT NULL,
    command     TEXT NOT NULL,
    args        TEXT NOT NULL,
    changes     INTEGER NOT NULL,
    result      TEXT NOT NULL,
    error       TEXT,
    duration_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX audit_by_time ON audit (time);
  CREATE TABLE audit_subjects (
    subject  TEXT NOT NULL,
    audit_id INTEGER NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    PRIMARY KEY (subject, audit_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX audit_subjects_by_id ON audit_subjects (audit_id);
  `,
  `
  CREATE TABLE archive_indexes (
    archive       TEXT PRIMARY KEY,
    size          INTEGER NOT NULL,
    made          TEXT NOT NULL,
    manifest      TEXT,
    manifest_size INTEGER,
    pack          TEXT,
    pack_size     INTEGER,
    entries       INTEGER,
    bytes         INTEGER,
    reason_kind   TEXT,
    reason        TEXT,
    hint          TEXT,
    CHECK ((manifest IS NULL) = (pack IS NULL) AND (manifest IS NULL) <> (reason IS NULL))
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX archive_indexes_by_manifest ON archive_indexes (manifest);
  CREATE INDEX archive_indexes_by_pack ON archive_indexes (pack);
  `,
  FLEET_SCHEMA,
  TRACK_SCHEMA,
  NOTICE_SCHEMA,
  'CREATE INDEX revision_layers_by_hash ON revision_layers (hash, configuration);',
  HISTORY_SCHEMA,
];
