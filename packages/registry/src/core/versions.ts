import { DeployError, describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import {
  checkArchiveHash,
  checkComponentName,
  checkNewName,
  checkVersion,
} from '@deploy-tools/shared/names.js';
import type { MetaReader } from '../meta/meta-store.js';
import { refusal } from './indexer.js';
import { type Registry, timestamp } from './registry.js';

export interface NewVersion {
  readonly component: string;
  readonly version: string;
  /** Of an upload, or of an archive that is stored already. */
  readonly hash: string;
  /** Who adds it, by name, for those who are told. */
  readonly author?: string;
  /** A version that is there already is refused, whatever its content. */
  readonly insistNew?: boolean;
}

export interface AddedVersion {
  readonly version: ComponentVersion;
  /** False where the same version, with the same content, was there already. */
  readonly isNew: boolean;
}

/**
 * Names stored bytes as a version, once they are known to be a safe archive. Bytes become an archive inside the transaction, before the row: housekeeping
 * removes archives inside transactions too, so neither can overtake the other. A version that is there with the same content is left
 * as it is, so that the same can be added again, also by several at once; an upload then only replaces an archive that was lost.
 * @throws DeployError exists, not-found, invalid, corrupt, unsafe, too-large, no-space, cancelled.
 */
export async function addVersion(registry: Registry, wanted: NewVersion): Promise<AddedVersion> {
  const checked = {
    ...wanted,
    component: checkComponentName(wanted.component),
    version: checkVersion(wanted.version),
    hash: checkArchiveHash(wanted.hash),
  };
  const { hash } = checked;
  const isThere = (await registry.meta.read((tx) => sameVersion(tx, checked))) !== undefined;
  if (!isThere) await checkArchive(registry, hash);
  const added = await recordVersion(registry, checked, isThere);
  if (added === undefined) return addVersion(registry, wanted); // it was deleted meanwhile
  await registry.meta.write(async (tx) => {
    if (!(await tx.hasUpload(hash))) await registry.bytes.removeUpload(hash); // sent again meanwhile: kept
  });
  if (added.isNew) announce(registry, added.version, wanted.author);
  return added;
}

/** @returns undefined where it was to be there already and is not. */
async function recordVersion(
  registry: Registry,
  wanted: NewVersion,
  isThere: boolean,
): Promise<AddedVersion | undefined> {
  const { component, version, hash } = wanted;
  return registry.meta
    .write(async (tx) => {
      const existing = await sameVersion(tx, wanted); // somebody may have been faster
      if (existing === undefined && isThere) return undefined;
      const { size } = await registry.bytes.promote(hash).catch(explainMissing);
      await tx.deleteUpload(hash);
      if (existing !== undefined) return { version: existing, isNew: false };
      const created = await creationTime(registry, tx, component);
      const row: ComponentVersion = { component, version, hash, size, created };
      await tx.insertVersion(row);
      return { version: row, isNew: true };
    })
    .catch((error: unknown) => takeBack(registry, hash, error));
}

/** Never before that of the version before: the clock may have been ahead, and people read the order from it. */
async function creationTime(registry: Registry, tx: MetaReader, component: string): Promise<string> {
  const now = timestamp(registry);
  const newest = (await tx.versions(component)).at(-1)?.created ?? now;
  return newest > now ? newest : now;
}

function announce(registry: Registry, { component, version, created }: ComponentVersion, author = ''): void {
  registry.notices.tell({ event: 'version-added', time: created, component, version, author });
}

/** When a transaction failed, as on a full disk, after its archive was made: it is an upload again. */
async function takeBack(registry: Registry, hash: string, error: unknown): Promise<never> {
  await registry.meta
    .write(async (tx) => {
      if ((await tx.hasUpload(hash)) && !(await tx.isArchiveUsed(hash))) await registry.bytes.demote(hash);
    })
    .catch((failure: unknown) =>
      registry.log.error(
        { hash, err: describeError(failure) },
        'an archive without a version stays until gc',
      ),
    );
  throw error;
}

/**
 * Waits, without a transaction, until the archive has been read through. One of which no manifest can be made
 * (`unsupported`) was read to its end and is safe all the same. @throws DeployError when it is refused.
 */
async function checkArchive(registry: Registry, hash: string): Promise<void> {
  const index = await registry.indexer.ensure(hash, 'awaited').catch(explainMissing);
  if (index.kind === 'indexed' || index.reason.kind === 'unsupported' || registry.limits.unchecked) return;
  throw refusal(index);
}

/**
 * The version of that name, where it has the content that is wanted; undefined where there is none.
 * @throws DeployError exists when it has other content, or was to be new; invalid where there is none and nothing may be called so.
 */
async function sameVersion(tx: MetaReader, wanted: NewVersion): Promise<ComponentVersion | undefined> {
  const existing = await tx.version(wanted.component, wanted.version);
  if (existing === undefined) {
    if ((await tx.versions(wanted.component)).length === 0) checkNewName('component name', wanted.component);
    checkNewName('version', wanted.version);
    return undefined;
  }
  if (existing.hash !== wanted.hash || wanted.insistNew === true) throw alreadyExists(existing, wanted.hash);
  return existing;
}

/** @throws DeployError in-use while a configuration's head has it; not-found. */
export async function deleteVersion(
  registry: Registry,
  component: string,
  version: string,
): Promise<ComponentVersion> {
  return registry.meta.write(async (tx) => {
    const found = await requireVersion(tx, component, version);
    const [user] = await tx.configurationsUsing(component, version);
    if (user !== undefined) {
      throw new DeployError('in-use', `version is used by configuration "${user}"`, {
        hint: 'change that configuration first',
      });
    }
    await tx.deleteVersion(component, version);
    return found;
  });
}

/** Deletes a component with all its versions. @throws DeployError in-use, not-found. */
export async function deleteComponent(
  registry: Registry,
  component: string,
): Promise<readonly ComponentVersion[]> {
  return registry.meta.write(async (tx) => {
    const versions = await tx.versions(component);
    if (versions.length === 0) throw new DeployError('not-found', `"${component}" component not found`);
    const [user] = await tx.configurationsUsing(component);
    if (user !== undefined) {
      throw new DeployError('in-use', `component is used by configuration "${user}"`, {
        hint: 'change that configuration first',
      });
    }
    for (const { version } of versions) await tx.deleteVersion(component, version);
    return versions;
  });
}

/** @throws DeployError not-found. */
export async function requireVersion(
  tx: MetaReader,
  component: string,
  version: string,
): Promise<ComponentVersion> {
  const found = await tx.version(component, version);
  if (found === undefined) {
    throw new DeployError('not-found', `no version "${version}" for component "${component}" found`);
  }
  return found;
}

/** The words "already exists" are what tools of the original look for. */
function alreadyExists(existing: ComponentVersion, hash: string): DeployError {
  const same = existing.hash === hash ? 'with the same content' : 'with other content';
  return new DeployError(
    'exists',
    `version "${existing.version}" of component "${existing.component}" already exists, ${same}`,
    { hint: 'a version never changes; choose another name' },
  );
}

function explainMissing(error: unknown): never {
  if (!isDeployError(error, 'not-found')) throw error;
  throw new DeployError('not-found', 'no uploaded file with given hash found', {
    hint: 'upload the file by sftp first; uploads expire',
  });
}
