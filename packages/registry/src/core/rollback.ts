import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ComponentVersion } from '@deploy-tools/shared/model.js';
import type { MetaReader, Revision } from '../meta/meta-store.js';
import type { Change, ConfigurationChanged, Configurations } from './configurations.js';
import type { Fleet } from './fleet/fleet.js';
import {
  isProven,
  type Landed,
  type Landings,
  landedText,
  landingsOf,
  readAttempts,
} from './fleet/landings.js';

/** Revisions before the head that are searched for other layers. */
const MAX_SEARCHED_REVISIONS = 1000;
/** Revisions that a refusal lists. */
const MAX_LISTED_REVISIONS = 10;

export interface RollbackPorts {
  readonly configurations: Configurations;
  readonly fleet: Pick<Fleet, 'followers'>;
}

/** A revision and the outcomes that hosts had with its layers. */
export interface LandedRevision {
  readonly revision: number;
  readonly landed: Landed;
}

export interface RolledBack extends ConfigurationChanged {
  /** The earlier revision whose layers the head has now. */
  readonly restored: LandedRevision;
  /** Newer revisions that were skipped, newest first, a bounded number. */
  readonly passedOver: readonly LandedRevision[];
}

interface Target {
  readonly revision: Revision;
  readonly landed: Landed;
  readonly passedOver: readonly LandedRevision[];
}

/**
 * Makes a new revision with the layers of an earlier one; a deleted configuration exists again then.
 * @param target without `to`, the newest earlier revision with other content that landed healthy and failed on no host. Where no
 *   host ever reported, the newest earlier revision with other content.
 * @throws DeployError not-found: the configuration, the revision or one of its versions; no revision is known to have landed
 *   well; conflict: one of its versions has other content now.
 */
export async function rollBack(
  { configurations, fleet }: RollbackPorts,
  change: Change,
  { name, to }: { readonly name: string; readonly to: number | undefined },
): Promise<RolledBack> {
  return configurations.commit(change, name, async (edit) => {
    const { tx } = edit;
    const head = await tx.head(name);
    if (head === undefined) throw new DeployError('not-found', `configuration "${name}" not found`);
    const from = head.revision - MAX_SEARCHED_REVISIONS;
    const landings = landingsOf(await readAttempts(tx, name, from), fleet.followers(name));
    const target =
      to === undefined
        ? await findProven(tx, head, landings)
        : withLanding(await requireRevision(tx, name, to), landings);
    if (target.revision.layers.length === 0)
      throw new DeployError('invalid', `revision ${to} of configuration "${name}" is its deletion`);
    const { passedOver, landed } = target;
    const outcome = { restored: { revision: target.revision.revision, landed }, passedOver };
    const before = head.layers.length === 0 ? undefined : head;
    if (before !== undefined && hasSameLayers(before, target.revision))
      return { before, after: before, ...outcome };
    return { before, after: await edit.append(await resolveUnchanged(tx, target.revision)), ...outcome };
  });
}

/** Compares the names of versions too, which the hash of a configuration does not contain. */
function hasSameLayers(one: Revision, other: Revision): boolean {
  const named = ({ layers }: Revision) =>
    JSON.stringify(layers.map(({ component, version, hash }) => [component, version, hash]));
  return named(one) === named(other);
}

function withLanding(revision: Revision, landings: Landings): Target {
  return { revision, landed: landings.of(revision.hash), passedOver: [] };
}

/** @throws DeployError not-found. */
export async function requireRevision(tx: MetaReader, name: string, number: number): Promise<Revision> {
  const revision = await tx.revision(name, number);
  if (revision !== undefined) return revision;
  throw new DeployError('not-found', `configuration "${name}" has no revision ${number}`, {
    hint: 'history lists the revisions',
  });
}

async function findProven(tx: MetaReader, head: Revision, landings: Landings): Promise<Target> {
  const others = await readOtherContents(tx, head);
  if (others.length === 0)
    throw new DeployError('not-found', `configuration "${head.name}" had no other layers before`);
  const landed = others.map((revision) => withLanding(revision, landings));
  const at = landings.anyReports ? landed.findIndex((target) => isProven(target.landed)) : 0;
  const target = landed[at];
  const passedOver = (target === undefined ? landed : landed.slice(0, at))
    .slice(0, MAX_LISTED_REVISIONS)
    .map(({ revision, landed: states }) => ({ revision: revision.revision, landed: states }));
  if (target !== undefined) return { ...target, passedOver };
  throw new DeployError(
    'not-found',
    `no earlier revision of configuration "${head.name}" is known to have landed healthy and failed nowhere: ${listed(passedOver)}`,
    { hint: `rollback -name=${JSON.stringify(head.name)} -to=N uses such a revision anyway` },
  );
}

/** `15: 3 rolled-back; 14: no host reported`. */
export function listed(revisions: readonly LandedRevision[]): string {
  return revisions
    .map(({ revision, landed }) => `${revision}: ${landedText(landed) || 'no host reported'}`)
    .join('; ');
}

/** Earlier revisions with other content than the head, newest first; of those with equal content the newest only. */
async function readOtherContents(tx: MetaReader, head: Revision): Promise<Revision[]> {
  const seen = new Set([head.hash]);
  return (await tx.revisions(head.name, MAX_SEARCHED_REVISIONS)).toReversed().filter(({ layers, hash }) => {
    if (layers.length === 0 || seen.has(hash)) return false;
    seen.add(hash);
    return true;
  });
}

/** The layers of an earlier revision, whose content must be unchanged. @throws DeployError not-found, conflict. */
async function resolveUnchanged(tx: MetaReader, { revision, layers }: Revision): Promise<ComponentVersion[]> {
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
