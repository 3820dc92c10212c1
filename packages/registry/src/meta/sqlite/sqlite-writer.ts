import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import type { ArchiveIndex, AuditRecord, MetaWriter, Revision, Upload } from '../meta-store.js';
import { INDEX_COLUMNS, indexValues } from './sqlite-index.js';
import { SqliteReader } from './sqlite-reader.js';

/** The writing half of the port; its caller holds an open transaction. */
export class SqliteWriter extends SqliteReader implements MetaWriter {
  async insertVersion(version: ComponentVersion): Promise<void> {
    if ((await this.version(version.component, version.version)) !== undefined) {
      throw new DeployError(
        'exists',
        `version "${version.version}" of component "${version.component}" already exists`,
      );
    }
    this.run(
      'INSERT INTO versions (component, version, hash, size, created) VALUES (?, ?, ?, ?, ?)',
      version.component,
      version.version,
      version.hash,
      version.size,
      version.created,
    );
  }

  async deleteVersion(component: string, version: string): Promise<void> {
    this.run('DELETE FROM versions WHERE component = ? AND version = ?', component, version);
  }

  async appendRevision(revision: Revision): Promise<void> {
    const last = await this.lastRevision(revision.name);
    if (revision.revision !== last + 1) {
      throw new DeployError('conflict', `configuration "${revision.name}" is at revision ${last} now`, {
        hint: 'look at it again and repeat the change',
      });
    }
    this.run(
      `INSERT INTO configurations (name, head, deleted) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET head = excluded.head, deleted = excluded.deleted`,
      revision.name,
      revision.revision,
      revision.layers.length === 0 ? 1 : 0,
    );
    this.run(
      `INSERT INTO revisions (configuration, number, mtime, hash, fingerprint, comment, command, user, address)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      revision.name,
      revision.revision,
      revision.mtime,
      revision.hash,
      revision.author.fingerprint,
      revision.author.comment,
      revision.command,
      revision.author.user,
      revision.author.address,
    );
    for (const [position, layer] of revision.layers.entries()) this.#insertLayer(revision, position, layer);
  }

  async lastRevision(name: string): Promise<number> {
    const row = this.one<{ last: number | null }>(
      'SELECT max(number) AS last FROM revisions WHERE configuration = ?',
      name,
    );
    return row?.last ?? 0;
  }

  async putUpload(upload: Upload): Promise<void> {
    this.run(
      `INSERT INTO uploads (hash, owner, size, created) VALUES (?, ?, ?, ?)
       ON CONFLICT (hash, owner) DO UPDATE SET created = excluded.created, size = excluded.size`,
      upload.hash,
      upload.owner,
      upload.size,
      upload.created,
    );
  }

  async deleteUpload(hash: string): Promise<void> {
    this.run('DELETE FROM uploads WHERE hash = ?', hash);
  }

  async putIndex(index: ArchiveIndex): Promise<void> {
    const values = indexValues(index);
    this.run(
      `INSERT OR REPLACE INTO archive_indexes (${INDEX_COLUMNS}) VALUES (${values.map(() => '?').join(', ')})`,
      ...values,
    );
  }

  async deleteIndex(archive: string): Promise<void> {
    this.run('DELETE FROM archive_indexes WHERE archive = ?', archive);
  }

  async appendAudit(record: AuditRecord): Promise<void> {
    const { lastInsertRowid } = this.run(
      `INSERT INTO audit (time, fingerprint, comment, user, address, via, command, args, changes, result, error, duration_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      record.time,
      record.fingerprint,
      record.comment,
      record.user,
      record.address,
      record.via,
      record.command,
      JSON.stringify(record.args),
      record.changes ? 1 : 0,
      record.result,
      record.error ?? null,
      record.durationMs,
    );
    for (const subject of new Set(record.subjects)) {
      this.run('INSERT INTO audit_subjects (subject, audit_id) VALUES (?, ?)', subject, lastInsertRowid);
    }
  }

  async deleteAuditBefore(time: string): Promise<number> {
    return this.run('DELETE FROM audit WHERE time < ?', time).changes;
  }

  #insertLayer(revision: Revision, position: number, layer: ComponentVersion): void {
    this.run(
      `INSERT INTO revision_layers (configuration, number, position, component, version, hash, size, created)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      revision.name,
      revision.revision,
      position,
      layer.component,
      layer.version,
      layer.hash,
      layer.size,
      layer.created,
    );
  }
}
