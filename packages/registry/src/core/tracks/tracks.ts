import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkComponentName, checkConfigurationName, checkNewName } from '@deploy-tools/shared/names.js';
import type { Track } from '../../meta/track-store.js';
import type { Change } from '../configurations.js';
import { type Registry, timestamp } from '../registry.js';
import { readTrackSource } from './open-track.js';

export type NewTrack = Omit<Track, 'author' | 'created'>;

/**
 * Follows a source for a component from now on.
 * @throws DeployError exists; not-found: a configuration that is to be bumped; invalid.
 */
export async function addTrack(registry: Registry, { author }: Change, wanted: NewTrack): Promise<Track> {
  checkComponentName(wanted.component);
  for (const name of wanted.bump) checkConfigurationName(name);
  readTrackSource(wanted, registry.limits.trackFiles);
  const track: Track = { ...wanted, bump: [...new Set(wanted.bump)], author, created: timestamp(registry) };
  await registry.meta.write(async (tx) => {
    for (const name of track.bump) {
      if ((await tx.configuration(name)) !== undefined) continue;
      throw new DeployError('not-found', `configuration "${name}" not found`, {
        hint: 'addconf makes it, with a first version of the component among its layers',
      });
    }
    if ((await tx.versions(track.component)).length === 0) checkNewName('component name', track.component);
    await tx.tracks.insertTrack(track);
  });
  registry.tracks.follow(track.component);
  return track;
}

/** @throws DeployError not-found. */
export async function deleteTrack(registry: Registry, component: string): Promise<Track> {
  const found = await registry.meta.write(async (tx) => {
    const followed = await tx.tracks.track(component);
    if (followed === undefined) throw noTrack(component);
    await tx.tracks.deleteTrack(component);
    return followed.track;
  });
  registry.tracks.forget(component);
  return found;
}

export function noTrack(component: string): DeployError {
  return new DeployError('not-found', `component "${component}" follows no source`, {
    hint: 'tracks lists those that do, addtrack adds one',
  });
}
