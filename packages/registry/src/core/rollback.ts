import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import type { MetaReader, Revision } from '../meta/meta-store.js';
import { appendLayers, type Change, type ConfigurationChanged, commitChange } from './configurations.js';
import type { Registry } from './registry.js';

/** How far back is looked for other layers. */
const MAX_LOOK_BACK = 1000;

export interface RolledBack extends ConfigurationChanged {
  /** The revision whose layers are those of the head now. */
  readonly restored: number;
}

/**
 * Makes a new revision with the layers of an old one; a configuration that was deleted comes back.
 * @param to without it, the last revision before the head that has other layers.
 * @throws DeployError not-found, also when one of its versions is gone; conflict when one has other content now.
 */
export async function rollBack(
  registry: Registry,
  change: Change,
  name: string,
  to: number | undefined,
): Promise<RolledBack> {
  return commitChange(registry, change, name, async (tx) => {
    const head = await tx.head(name);
    if (head === undefined) throw new DeployError('not-found', `configuration "${name}" not found`);
    const target = to === undefined ? await earlierLayers(tx, head) : await requireRevision(tx, name, to);
    const restored = target.revision;
    const before = head.layers.length === 0 ? undefined : head;
    if (before?.hash === target.hash) return { before, after: before, restored };
    const layers = await sameLayers(tx, target);
    return { before, after: await appendLayers(registry, tx, change, name, layers), restored };
  });
}

/** @throws DeployError not-found; invalid when it is a deletion. */
export async function requireRevision(tx: MetaReader, name: string, number: number): Promise<Revision> {
  const revision = await tx.revision(name, number);
  if (revision === undefined) {
    throw new DeployError('not-found', `configuration "${name}" has no revision ${number}`, {
      hint: 'history lists them',
    });
  }
  if (revision.layers.length > 0) return revision;
  throw new DeployError('invalid', `revision ${number} of configuration "${name}" is its deletion`);
}

async function earlierLayers(tx: MetaReader, head: Revision): Promise<Revision> {
  const revisions = await tx.revisions(head.name, MAX_LOOK_BACK);
  const found = revisions.findLast(({ layers, hash }) => layers.length > 0 && hash !== head.hash);
  if (found !== undefined) return found;
  throw new DeployError('not-found', `configuration "${head.name}" had no other layers before`);
}

/** The layers of an old revision, all of which still have to be what they were. */
async function sameLayers(tx: MetaReader, { revision, layers }: Revision): Promise<ComponentVersion[]> {
  const found: ComponentVersion[] = [];
  for (const { component, version, hash } of layers) {
    const now = await tx.version(component, version);
    if (now === undefined) {
      throw new DeployError('not-found', `version "${version}" of component "${component}" is gone`, {
        hint: `revision ${revision} needs it: upload it again, or choose another revision`,
      });
    }
    if (now.hash !== hash) {
      throw new DeployError(
        'conflict',
        `version "${version}" of component "${component}" has other content than in revision ${revision}`,
        { hint: 'choose another revision' },
      );
    }
    found.push(now);
  }
  return found;
}
