/** The tables of hosts and their deploys. Reports and labels are JSON, because they are read as a whole. */
export const FLEET_SCHEMA = `
  CREATE TABLE hosts (
    host        TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    comment     TEXT NOT NULL,
    agent       TEXT NOT NULL,
    labels      TEXT NOT NULL,
    first_seen  TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE host_states (
    host          TEXT NOT NULL,
    configuration TEXT NOT NULL,
    report        TEXT,
    changed       TEXT NOT NULL,
    contact       TEXT NOT NULL,
    log_deploy    TEXT,
    log           TEXT,
    PRIMARY KEY (host, configuration)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE deploys (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    time          TEXT NOT NULL,
    host          TEXT NOT NULL,
    configuration TEXT NOT NULL,
    deploy        TEXT NOT NULL,
    state         TEXT NOT NULL,
    revision      INTEGER,
    report        TEXT NOT NULL,
    log           TEXT,
    fingerprint   TEXT NOT NULL,
    comment       TEXT NOT NULL,
    address       TEXT NOT NULL,
    UNIQUE (host, configuration, deploy)
  ) STRICT;
  CREATE INDEX deploys_by_host ON deploys (host, configuration, id);
  CREATE INDEX deploys_by_configuration ON deploys (configuration, revision);
  CREATE INDEX deploys_by_time ON deploys (time);

  ALTER TABLE revisions ADD COLUMN user TEXT NOT NULL DEFAULT '';
  ALTER TABLE revisions ADD COLUMN address TEXT NOT NULL DEFAULT '';
`;
