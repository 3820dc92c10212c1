import { DeployError, describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { ComponentVersion, LayerRef } from '@deploy-tools/shared/model.js';
import {
  checkArchiveHash,
  checkComponentName,
  checkNewName,
  checkVersion,
} from '@deploy-tools/shared/names.js';
import type { ByteStore } from '../layers/byte-store.js';
import type { MetaReader, MetaStore } from '../meta/meta-store.js';
import { type Clock, timestamp } from './clock.js';
import { type Indexer, refusal } from './indexer.js';
import type { RegistryLimits } from './limits.js';
import type { Notifier } from './notices/notifier.js';

export interface NewVersion {
  readonly component: string;
  readonly version: string;
  /** The hash of an upload, or of a stored archive. */
  readonly hash: string;
  /** The name of the author, for notices. */
  readonly author?: string;
  /** Refuses a version that exists, even with the same content. */
  readonly insistNew?: boolean;
}

export interface AddedVersion {
  readonly version: ComponentVersion;
  /** False where the version existed with the same content. */
  readonly isNew: boolean;
}

export interface VersionPorts {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  readonly indexer: Indexer;
  readonly notices: Pick<Notifier, 'notify'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Pick<RegistryLimits, 'unchecked'>;
}

/** Names stored bytes as versions of components, and deletes versions. */
export class Versions {
  readonly #ports: VersionPorts;

  constructor(ports: VersionPorts) {
    this.#ports = ports;
  }

  /**
   * Names stored bytes as a version, after checking that they are a safe archive. The upload becomes an archive inside the
   * transaction, before the row, because housekeeping removes archives inside transactions too. An existing version with the
   * same content stays, so that several callers can add it; its upload replaces a lost archive.
   * @throws DeployError exists, not-found, invalid, corrupt, unsafe, too-large, no-space, cancelled.
   */
  async add(wanted: NewVersion): Promise<AddedVersion> {
    const { meta, bytes } = this.#ports;
    const checked = {
      ...wanted,
      component: checkComponentName(wanted.component),
      version: checkVersion(wanted.version),
      hash: checkArchiveHash(wanted.hash),
    };
    const { hash } = checked;
    const exists = (await meta.read((tx) => findSame(tx, checked))) !== undefined;
    if (!exists) await this.#checkArchive(hash);
    const added = await this.#store(checked, exists);
    if (added === undefined) return this.add(wanted); // it was deleted meanwhile
    await meta.write(async (tx) => {
      if (!(await tx.hasUpload(hash))) await bytes.removeUpload(hash); // uploaded again meanwhile: kept
    });
    if (added.isNew) this.#announce(added.version, wanted.author);
    return added;
  }

  /** @throws DeployError in-use while a configuration's head has it; not-found. */
  async delete(layer: LayerRef): Promise<ComponentVersion> {
    const { component, version } = layer;
    return this.#ports.meta.write(async (tx) => {
      const found = await requireVersion(tx, layer);
      const [user] = await tx.configurationsUsing(component, version);
      if (user !== undefined) throw inUse('version', user);
      await tx.deleteVersion(component, version);
      return found;
    });
  }

  /** Deletes a component with all its versions. @throws DeployError in-use, not-found. */
  async deleteComponent(component: string): Promise<readonly ComponentVersion[]> {
    return this.#ports.meta.write(async (tx) => {
      const versions = await tx.versions(component);
      if (versions.length === 0) throw new DeployError('not-found', `"${component}" component not found`);
      const [user] = await tx.configurationsUsing(component);
      if (user !== undefined) throw inUse('component', user);
      for (const { version } of versions) await tx.deleteVersion(component, version);
      return versions;
    });
  }

  /**
   * Waits, without a transaction, until the archive is indexed. An archive that no manifest can describe (`unsupported`) was
   * read to its end and is safe. @throws DeployError when the archive is refused.
   */
  async #checkArchive(hash: string): Promise<void> {
    const index = await this.#ports.indexer.ensure(hash, 'awaited').catch(explainMissing);
    if (index.kind === 'indexed' || index.reason.kind === 'unsupported') return;
    if (!this.#ports.limits.unchecked) throw refusal(index);
  }

  /** @param exists whether the version existed a moment ago. @returns undefined when it was deleted since. */
  async #store(wanted: NewVersion, exists: boolean): Promise<AddedVersion | undefined> {
    const { meta, bytes } = this.#ports;
    const { component, version, hash } = wanted;
    try {
      return await meta.write(async (tx) => {
        const existing = await findSame(tx, wanted); // another command may have been faster
        if (existing === undefined && exists) return undefined;
        const { size } = await bytes.promote(hash).catch(explainMissing);
        await tx.deleteUpload(hash);
        if (existing !== undefined) return { version: existing, isNew: false };
        const created = await this.#creationTime(tx, component);
        const row: ComponentVersion = { component, version, hash, size, created };
        await tx.insertVersion(row);
        return { version: row, isNew: true };
      });
    } catch (error) {
      await this.#demoteUnused(hash);
      throw error;
    }
  }

  /** The time of creation. Never before the previous version's, so that the order is right after a clock was ahead. */
  async #creationTime(tx: MetaReader, component: string): Promise<string> {
    const now = timestamp(this.#ports.clock);
    const newest = (await tx.versions(component)).at(-1)?.created ?? now;
    return newest > now ? newest : now;
  }

  #announce({ component, version, created }: ComponentVersion, author = ''): void {
    this.#ports.notices.notify({ event: 'version-added', time: created, component, version, author });
  }

  /** Makes an archive an upload again, after the transaction of its version failed, as on a full disk. */
  async #demoteUnused(hash: string): Promise<void> {
    const { meta, bytes, log } = this.#ports;
    try {
      await meta.write(async (tx) => {
        if ((await tx.hasUpload(hash)) && !(await tx.isArchiveUsed(hash))) await bytes.demote(hash);
      });
    } catch (error) {
      log.error({ hash, err: describeError(error) }, 'an archive without a version stays until gc');
    }
  }
}

/** @throws DeployError not-found. */
export async function requireVersion(
  tx: MetaReader,
  { component, version }: LayerRef,
): Promise<ComponentVersion> {
  const found = await tx.version(component, version);
  if (found === undefined) {
    throw new DeployError('not-found', `no version "${version}" for component "${component}" found`);
  }
  return found;
}

/**
 * The existing version with the wanted content; undefined when there is no version of that name.
 * @throws DeployError exists: it has other content, or must be new; invalid: a new version may not have that name.
 */
async function findSame(tx: MetaReader, wanted: NewVersion): Promise<ComponentVersion | undefined> {
  const existing = await tx.version(wanted.component, wanted.version);
  if (existing === undefined) {
    if ((await tx.versions(wanted.component)).length === 0) checkNewName('component name', wanted.component);
    checkNewName('version', wanted.version);
    return undefined;
  }
  if (existing.hash !== wanted.hash || wanted.insistNew === true) throw alreadyExists(existing, wanted.hash);
  return existing;
}

/** Scripts written for the Go registry look for the words "already exists". */
function alreadyExists(existing: ComponentVersion, hash: string): DeployError {
  const same = existing.hash === hash ? 'with the same content' : 'with other content';
  return new DeployError(
    'exists',
    `version "${existing.version}" of component "${existing.component}" already exists, ${same}`,
    { hint: 'a version never changes; choose another name' },
  );
}

function inUse(what: string, configuration: string): DeployError {
  return new DeployError('in-use', `${what} is used by configuration "${configuration}"`, {
    hint: 'change that configuration first',
  });
}

function explainMissing(error: unknown): never {
  if (!isDeployError(error, 'not-found')) throw error;
  throw new DeployError('not-found', 'no uploaded file with given hash found', {
    hint: 'upload the file by sftp first; uploads expire',
  });
}
