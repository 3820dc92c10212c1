import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import { checkComponentName, checkConfigurationName, checkNewName } from '@deploy-tools/shared/names.js';
import type { MetaReader, MetaStore } from '../../meta/meta-store.js';
import type { Track, TrackProgress } from '../../meta/track-store.js';
import { type Clock, timestamp } from '../clock.js';
import type { Change, Configurations } from '../configurations.js';
import type { RegistryLimits } from '../limits.js';
import { requireVersion } from '../versions.js';
import { readTrackSource } from './open-track.js';
import { noTrack, type TrackRunner } from './track-runner.js';

export type NewTrack = Omit<Track, 'author' | 'created'>;

export interface Yanked {
  /** The version that the configurations were set to; undefined when none had to be. */
  readonly instead: string | undefined;
  readonly bumped: readonly string[];
}

export interface TrackPorts {
  readonly meta: MetaStore;
  readonly configurations: Configurations;
  readonly runner: Pick<TrackRunner, 'follow' | 'forget' | 'check' | 'times'>;
  readonly clock: Clock;
  readonly limits: Pick<RegistryLimits, 'trackFiles'>;
}

/** Adds and deletes tracks, and yanks versions. */
export class Tracks {
  readonly runner: TrackPorts['runner'];
  readonly #ports: TrackPorts;

  constructor(ports: TrackPorts) {
    this.#ports = ports;
    this.runner = ports.runner;
  }

  /**
   * Follows a source for a component from now on.
   * @throws DeployError exists; not-found: a configuration that is to be bumped; invalid.
   */
  async add({ author }: Change, wanted: NewTrack): Promise<Track> {
    const { meta, clock, limits } = this.#ports;
    checkComponentName(wanted.component);
    for (const name of wanted.bump) checkConfigurationName(name);
    readTrackSource(wanted, limits.trackFiles);
    const track: Track = { ...wanted, bump: [...new Set(wanted.bump)], author, created: timestamp(clock) };
    await meta.write(async (tx) => {
      for (const name of track.bump) {
        if ((await tx.configuration(name)) !== undefined) continue;
        throw new DeployError('not-found', `configuration "${name}" not found`, {
          hint: 'addconf makes it, with a first version of the component among its layers',
        });
      }
      if ((await tx.versions(track.component)).length === 0) checkNewName('component name', track.component);
      await tx.tracks.insertTrack(track);
    });
    this.runner.follow(track.component);
    return track;
  }

  /** @throws DeployError not-found. */
  async delete(component: string): Promise<Track> {
    const found = await this.#ports.meta.write(async (tx) => {
      const followed = await tx.tracks.track(component);
      if (followed === undefined) throw noTrack(component);
      await tx.tracks.deleteTrack(component);
      return followed.track;
    });
    this.runner.forget(component);
    return found;
  }

  /**
   * Yanks a version: no track takes it again. The configurations that the component's track bumps and that have the version
   * get the newest earlier one that is not yanked. The version itself stays, as do other configurations. After an
   * interruption, the same command does the rest.
   * @throws DeployError not-found: the version; or a configuration has it and there is no other version to set.
   */
  async yank(change: Change, layer: LayerRef): Promise<Yanked> {
    const { meta, configurations, clock } = this.#ports;
    const { component, version } = layer;
    const { users, instead } = await meta.write(async (tx) => {
      await requireVersion(tx, layer);
      const followed = await tx.tracks.track(component);
      const bump = followed?.track.bump ?? [];
      const users = (await tx.configurationsUsing(component, version)).filter((name) => bump.includes(name));
      const instead = await versionInstead(tx, layer);
      if (users.length > 0 && instead === undefined) {
        throw new DeployError('not-found', `component "${component}" has no other version to set`, {
          hint: `configuration "${users[0]}" has ${version}; change it first`,
        });
      }
      const time = timestamp(clock);
      await tx.tracks.yank(component, version, time); // from now on no track sets it
      if (followed?.progress.added?.tag === version) {
        const progress = { ...followed.progress, ...progressAt(component, instead, time) };
        await tx.tracks.putProgress(component, progress);
      }
      return { users, instead };
    });
    for (const name of users) {
      await configurations.changeLayer(change, name, { component, version: instead ?? version });
    }
    this.runner.follow(component); // the source may have another release to take
    return { instead: users.length > 0 ? instead : undefined, bumped: users };
  }

  /** Lets tracks take a version again. @throws DeployError not-found: it was not yanked. */
  async unyank({ component, version }: LayerRef): Promise<void> {
    const wasYanked = await this.#ports.meta.write((tx) => tx.tracks.unyank(component, version));
    if (!wasYanked)
      throw new DeployError('not-found', `version "${version}" of component "${component}" was not yanked`);
    this.runner.follow(component);
  }
}

/** The progress of a track as if it had added `version` last: older releases of the source are not taken then. */
function progressAt(
  component: string,
  version: string | undefined,
  time: string,
): Pick<TrackProgress, 'added' | 'bumped'> {
  if (version === undefined) return { added: undefined, bumped: undefined };
  return { added: { tag: version, time, layers: [{ component, version }] }, bumped: version };
}

/** The newest earlier version that is not yanked, else the newest of all others. */
async function versionInstead(tx: MetaReader, { component, version }: LayerRef): Promise<string | undefined> {
  const yanked = new Set(await tx.tracks.yanked(component));
  const versions = (await tx.versions(component)).map((found) => found.version);
  const earlier = versions.slice(0, versions.indexOf(version)).filter((name) => !yanked.has(name));
  return earlier.at(-1) ?? versions.filter((name) => name !== version && !yanked.has(name)).at(-1);
}
