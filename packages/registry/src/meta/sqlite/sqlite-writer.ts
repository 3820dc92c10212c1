import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import type { ArchiveIndex, AuditRecord, MetaWriter, Revision, Upload } from '../meta-store.js';
import { appendAudit } from './sqlite-audit.js';
import { indexRow } from './sqlite-index.js';
import { SqliteReader } from './sqlite-reader.js';

/** The writing half of the port; its caller holds an open transaction. */
export class SqliteWriter extends SqliteReader implements MetaWriter {
  async insertVersion({ component, version, hash, size, created }: ComponentVersion): Promise<void> {
    if ((await this.version(component, version)) !== undefined) {
      throw new DeployError('exists', `version "${version}" of component "${component}" already exists`);
    }
    this.sql.insert('versions', { component, version, hash, size, created });
  }

  async deleteVersion(component: string, version: string): Promise<void> {
    this.sql.run('DELETE FROM versions WHERE component = ? AND version = ?', component, version);
  }

  async appendRevision(revision: Revision): Promise<void> {
    const { name: configuration, revision: number, mtime, hash, layers, author, command } = revision;
    const last = await this.lastRevision(configuration);
    if (number !== last + 1) {
      throw new DeployError('conflict', `configuration "${configuration}" is at revision ${last} now`, {
        hint: 'check the configuration and repeat the change',
      });
    }
    const head = { name: configuration, head: number, deleted: layers.length === 0 ? 1 : 0 };
    this.sql.put('configurations', ['name'], head);
    const { fingerprint, comment, user, address } = author;
    const made = { fingerprint, comment, user, address, command };
    this.sql.insert('revisions', { configuration, number, mtime, hash, ...made });
    for (const [position, layer] of layers.entries()) {
      const { component, version, size, created } = layer;
      const content = { component, version, hash: layer.hash, size, created };
      this.sql.insert('revision_layers', { configuration, number, position, ...content });
    }
  }

  async putUpload({ hash, owner, size, created }: Upload): Promise<void> {
    this.sql.put('uploads', ['hash', 'owner'], { hash, owner, size, created });
  }

  async deleteUpload(hash: string): Promise<void> {
    this.sql.run('DELETE FROM uploads WHERE hash = ?', hash);
  }

  async putIndex(index: ArchiveIndex): Promise<void> {
    await this.deleteIndex(index.archive.hash);
    this.sql.insert('archive_indexes', indexRow(index));
  }

  async deleteIndex(archive: string): Promise<void> {
    this.sql.run('DELETE FROM archive_indexes WHERE archive = ?', archive);
  }

  async appendAudit(record: AuditRecord): Promise<void> {
    appendAudit(this.sql, record);
  }

  async deleteAuditBefore(time: string): Promise<number> {
    return this.sql.run('DELETE FROM audit WHERE time < ?', time);
  }
}
