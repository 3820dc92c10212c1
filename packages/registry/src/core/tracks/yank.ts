import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import type { MetaReader } from '../../meta/meta-store.js';
import type { TrackProgress } from '../../meta/track-store.js';
import { type Change, changeLayer } from '../configurations.js';
import { type Registry, timestamp } from '../registry.js';
import { requireVersion } from '../versions.js';

export interface Yanked {
  /** What the configurations were set to; undefined when none had to be. */
  readonly instead: string | undefined;
  readonly bumped: readonly string[];
}

/**
 * Takes a version back: no track takes it again, and the configurations that its component's track bumps and that have it
 * get the newest version before it that is not yanked. The version itself stays, and so do other configurations. When this is
 * cut off, the same command does the rest.
 * @throws DeployError not-found: the version, or one to go back to while a configuration has it.
 */
export async function yankVersion(registry: Registry, change: Change, layer: LayerRef): Promise<Yanked> {
  const { component, version } = layer;
  const { users, instead } = await registry.meta.write(async (tx) => {
    await requireVersion(tx, component, version);
    const followed = await tx.tracks.track(component);
    const bump = followed?.track.bump ?? [];
    const users = (await tx.configurationsUsing(component, version)).filter((name) => bump.includes(name));
    const instead = await versionInstead(tx, layer);
    if (users.length > 0 && instead === undefined) {
      throw new DeployError('not-found', `component "${component}" has no version to go back to`, {
        hint: `configuration "${users[0]}" has ${version}; change it first`,
      });
    }
    await tx.tracks.yank(component, version, timestamp(registry)); // from now on no track sets it
    if (followed?.progress.added?.tag === version)
      await tx.tracks.putProgress(component, {
        ...followed.progress,
        ...wentBackTo(layer, instead, timestamp(registry)),
      });
    return { users, instead };
  });
  for (const name of users) {
    await changeLayer(registry, change, name, { component, version: instead ?? version });
  }
  registry.tracks.follow(component); // the source may have one that was passed over
  return { instead: users.length > 0 ? instead : undefined, bumped: users };
}

/** The track goes on from there: what is older at the source is no news. */
function wentBackTo(
  { component }: LayerRef,
  instead: string | undefined,
  time: string,
): Pick<TrackProgress, 'added' | 'bumped'> {
  if (instead === undefined) return { added: undefined, bumped: undefined };
  return { added: { tag: instead, time, layers: [{ component, version: instead }] }, bumped: instead };
}

/** Tracks may take it again. @throws DeployError not-found: it was not yanked. */
export async function unyankVersion(registry: Registry, { component, version }: LayerRef): Promise<void> {
  const was = await registry.meta.write((tx) => tx.tracks.unyank(component, version));
  if (!was)
    throw new DeployError('not-found', `version "${version}" of component "${component}" was not yanked`);
  registry.tracks.follow(component);
}

/** The newest that is not yanked and older, or else the newest of all others. */
async function versionInstead(tx: MetaReader, { component, version }: LayerRef): Promise<string | undefined> {
  const yanked = new Set(await tx.tracks.yanked(component));
  const versions = (await tx.versions(component)).map((found) => found.version);
  const earlier = versions.slice(0, versions.indexOf(version)).filter((name) => !yanked.has(name));
  return earlier.at(-1) ?? versions.filter((name) => name !== version && !yanked.has(name)).at(-1);
}
