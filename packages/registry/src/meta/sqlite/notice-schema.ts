/** The tables of receivers, of their messages and of the notices that were sent. */
export const NOTICE_SCHEMA = `
  CREATE TABLE notice_receivers (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    url         TEXT NOT NULL,
    events      TEXT NOT NULL,
    names       TEXT NOT NULL,
    added       TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    comment     TEXT NOT NULL
  ) STRICT;

  CREATE TABLE notice_rollouts (
    configuration TEXT PRIMARY KEY,
    revision      INTEGER NOT NULL,
    state         TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE notice_lost_hosts (
    host TEXT PRIMARY KEY
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE notice_threads (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver  INTEGER NOT NULL REFERENCES notice_receivers (id) ON DELETE CASCADE,
    thread    TEXT NOT NULL,
    reference TEXT NOT NULL,
    UNIQUE (receiver, thread)
  ) STRICT;

  CREATE TABLE notice_waiting (
    place    INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver INTEGER NOT NULL REFERENCES notice_receivers (id) ON DELETE CASCADE,
    id       TEXT NOT NULL,
    since    INTEGER NOT NULL,
    message  TEXT NOT NULL,
    UNIQUE (receiver, id)
  ) STRICT;
`;
