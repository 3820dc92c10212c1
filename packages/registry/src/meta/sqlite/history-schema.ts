/**
 * The logs of deploys in a table of their own, and the size of the history by key. Triggers maintain the sums; the row with
 * fingerprint '' has the sum of all keys. A deploy counts a kilobyte for its columns and indexes, besides its report.
 *
 * `recent` marks the newest 10 deploys of a host and a configuration, which are removed last. The indexes contain it, so that
 * the next deploy to remove is found without a scan.
 */
export const HISTORY_SCHEMA = `
  CREATE TABLE deploy_logs (
    deploy_id INTEGER PRIMARY KEY REFERENCES deploys (id) ON DELETE CASCADE,
    log       TEXT NOT NULL
  ) STRICT;
  INSERT INTO deploy_logs SELECT id, log FROM deploys WHERE log IS NOT NULL;
  ALTER TABLE deploys ADD COLUMN log_bytes INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE deploys ADD COLUMN log_gap TEXT;
  ALTER TABLE deploys ADD COLUMN recent INTEGER NOT NULL DEFAULT 0;
  UPDATE deploys SET log_bytes = octet_length(log), log = NULL WHERE log IS NOT NULL;
  ALTER TABLE deploys DROP COLUMN log;
  UPDATE deploys SET recent = 1 WHERE id IN (
    SELECT id FROM (
      SELECT id, row_number() OVER (PARTITION BY host, configuration ORDER BY id DESC) AS place FROM deploys
    ) WHERE place <= 10);
  CREATE INDEX deploys_by_age ON deploys (fingerprint, recent, id);
  CREATE INDEX deploys_past_recent ON deploys (time) WHERE recent = 0;
  CREATE INDEX deploys_with_log ON deploys (fingerprint, recent, id) WHERE log_bytes > 0;

  ALTER TABLE host_states ADD COLUMN log_gap TEXT;

  CREATE TABLE history_sizes (
    fingerprint TEXT PRIMARY KEY,
    logs        INTEGER NOT NULL,
    deploys     INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX history_sizes_by_logs ON history_sizes (logs);
  CREATE INDEX history_sizes_by_deploys ON history_sizes (deploys);
  INSERT INTO history_sizes
    SELECT fingerprint, sum(log_bytes), sum(1024 + octet_length(report)) FROM deploys GROUP BY fingerprint;
  INSERT INTO history_sizes SELECT '', coalesce(sum(logs), 0), coalesce(sum(deploys), 0) FROM history_sizes;

  CREATE TRIGGER deploys_inserted AFTER INSERT ON deploys BEGIN
    INSERT INTO history_sizes VALUES (NEW.fingerprint, 0, 0) ON CONFLICT DO NOTHING;
    UPDATE history_sizes SET logs = logs + NEW.log_bytes, deploys = deploys + 1024 + octet_length(NEW.report)
      WHERE fingerprint IN (NEW.fingerprint, '');
  END;
  CREATE TRIGGER deploys_deleted AFTER DELETE ON deploys BEGIN
    UPDATE history_sizes SET logs = logs - OLD.log_bytes, deploys = deploys - 1024 - octet_length(OLD.report)
      WHERE fingerprint IN (OLD.fingerprint, '');
    DELETE FROM history_sizes WHERE fingerprint = OLD.fingerprint AND deploys = 0;
  END;
  CREATE TRIGGER deploys_updated AFTER UPDATE OF fingerprint, log_bytes, report ON deploys BEGIN
    INSERT INTO history_sizes VALUES (NEW.fingerprint, 0, 0) ON CONFLICT DO NOTHING;
    UPDATE history_sizes SET logs = logs - OLD.log_bytes, deploys = deploys - 1024 - octet_length(OLD.report)
      WHERE fingerprint IN (OLD.fingerprint, '');
    UPDATE history_sizes SET logs = logs + NEW.log_bytes, deploys = deploys + 1024 + octet_length(NEW.report)
      WHERE fingerprint IN (NEW.fingerprint, '');
    DELETE FROM history_sizes WHERE fingerprint = OLD.fingerprint AND deploys = 0;
  END;
`;
