/** The tables of tracks and of yanked versions. Lists, authors and progress are JSON: they are read as a whole. */
export const TRACK_SCHEMA = `
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
