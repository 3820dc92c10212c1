import type {
  NoticeWriter,
  ReceiverRecord,
  RolloutRecord,
  ThreadRecord,
  WaitingRecord,
} from '../notice-store.js';
import type { SqliteStatements } from './sqlite-statements.js';
import { decodeStrings } from './stored-json.js';

interface ReceiverRow extends Omit<ReceiverRecord, 'events' | 'names'> {
  readonly events: string;
  readonly names: string;
}

/** Receivers and their notices, over one SQLite connection; its caller holds an open transaction. */
export class SqliteNotices implements NoticeWriter {
  readonly #sql: SqliteStatements;

  constructor(sql: SqliteStatements) {
    this.#sql = sql;
  }

  async receivers(): Promise<readonly ReceiverRecord[]> {
    return this.#sql.all<ReceiverRow>('SELECT * FROM notice_receivers ORDER BY id').map((row) => ({
      ...row,
      events: decodeStrings(row.events, `the events of receiver ${row.id}`),
      names: decodeStrings(row.names, `the names of receiver ${row.id}`),
    }));
  }

  async rollouts(): Promise<readonly RolloutRecord[]> {
    return this.#sql.all<RolloutRecord>('SELECT * FROM notice_rollouts ORDER BY configuration');
  }

  async lostHosts(): Promise<readonly string[]> {
    return this.#sql.texts('SELECT host FROM notice_lost_hosts ORDER BY host');
  }

  async thread(receiver: number, thread: string): Promise<string | undefined> {
    const sql = 'SELECT reference FROM notice_threads WHERE receiver = ? AND thread = ?';
    return this.#sql.texts(sql, receiver, thread)[0];
  }

  async waiting(receiver: number): Promise<readonly WaitingRecord[]> {
    const sql = 'SELECT id, since, message FROM notice_waiting WHERE receiver = ? ORDER BY place';
    return this.#sql.all<WaitingRecord>(sql, receiver);
  }

  async putWaiting(receiver: number, { id, since, message }: WaitingRecord): Promise<void> {
    this.#sql.run(
      `INSERT INTO notice_waiting (receiver, id, since, message)
       SELECT id, ?, ?, ? FROM notice_receivers WHERE id = ?
       ON CONFLICT (receiver, id) DO UPDATE SET message = excluded.message`,
      ...[id, since, message, receiver],
    );
  }

  async deleteWaiting(receiver: number, id: string): Promise<void> {
    this.#sql.run('DELETE FROM notice_waiting WHERE receiver = ? AND id = ?', receiver, id);
  }

  async addReceiver(receiver: Omit<ReceiverRecord, 'id'>): Promise<ReceiverRecord> {
    const { url, events, names, added, fingerprint, comment } = receiver;
    const filter = { events: JSON.stringify(events), names: JSON.stringify(names) };
    const id = this.#sql.insert('notice_receivers', { url, ...filter, added, fingerprint, comment });
    return { ...receiver, id };
  }

  async deleteReceiver(id: number): Promise<boolean> {
    return this.#sql.run('DELETE FROM notice_receivers WHERE id = ?', id) > 0;
  }

  async putRollout({ configuration, revision, state }: RolloutRecord): Promise<void> {
    this.#sql.put('notice_rollouts', ['configuration'], { configuration, revision, state });
  }

  async addLostHost(host: string): Promise<void> {
    this.#sql.insert('notice_lost_hosts', { host }, 'ON CONFLICT (host) DO NOTHING');
  }

  async deleteLostHost(host: string): Promise<void> {
    this.#sql.run('DELETE FROM notice_lost_hosts WHERE host = ?', host);
  }

  async putThread(receiver: number, { thread, reference }: ThreadRecord, keep: number): Promise<void> {
    this.#sql.run('DELETE FROM notice_threads WHERE receiver = ? AND thread = ?', receiver, thread);
    this.#sql.run(
      `INSERT INTO notice_threads (receiver, thread, reference)
       SELECT id, ?, ? FROM notice_receivers WHERE id = ?`,
      ...[thread, reference, receiver],
    );
    this.#sql.run(
      `DELETE FROM notice_threads WHERE receiver = ? AND id <= (
         SELECT id FROM notice_threads WHERE receiver = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`,
      ...[receiver, receiver, keep],
    );
  }
}
