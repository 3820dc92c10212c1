import type { HistoryPart, HistorySize } from '../fleet-store.js';
import type { SqliteStatements } from './sqlite-statements.js';

/** The most deploys that one call changes: other writers wait for the transaction. */
const MAX_DEPLOYS_AT_ONCE = 50;

/** The deploys of a key in the order of their removal, each with the bytes that it frees. */
const OLDEST: Readonly<Record<HistoryPart, string>> = {
  logs: `SELECT id, log_bytes AS bytes FROM deploys WHERE fingerprint = ? AND log_bytes > 0
         ORDER BY recent, id LIMIT ${MAX_DEPLOYS_AT_ONCE}`,
  deploys: `SELECT id, 1024 + octet_length(report) AS bytes FROM deploys WHERE fingerprint = ?
            ORDER BY recent, id LIMIT ${MAX_DEPLOYS_AT_ONCE}`,
};

/** See {@link FleetReader.historySize}; triggers in history-schema.ts maintain the sums. */
export function historySize(sql: SqliteStatements, part: HistoryPart): HistorySize {
  const total = sql.one<{ bytes: number }>(
    `SELECT ${part} AS bytes FROM history_sizes WHERE fingerprint = ''`,
  );
  const fullest = sql.one<{ fingerprint: string; bytes: number }>(
    `SELECT fingerprint, ${part} AS bytes FROM history_sizes WHERE fingerprint <> '' ORDER BY ${part} DESC LIMIT 1`,
  );
  return { total: total?.bytes ?? 0, fullest };
}

/** See {@link FleetWriter.dropOldest}. */
export function dropOldest(
  sql: SqliteStatements,
  part: HistoryPart,
  { fingerprint, bytes }: { readonly fingerprint: string; readonly bytes: number },
): number {
  let freed = 0;
  for (const oldest of sql.all<{ id: number; bytes: number }>(OLDEST[part], fingerprint)) {
    if (freed >= bytes) break;
    drop(sql, part, oldest.id);
    freed += oldest.bytes;
  }
  return freed;
}

function drop(sql: SqliteStatements, part: HistoryPart, id: number): void {
  if (part === 'deploys') {
    sql.run('DELETE FROM deploys WHERE id = ?', id);
    return;
  }
  sql.run('DELETE FROM deploy_logs WHERE deploy_id = ?', id);
  sql.run("UPDATE deploys SET log_bytes = 0, log_gap = 'removed' WHERE id = ?", id);
}
