import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import {
  compareTags,
  type PickedRelease,
  selectRelease,
} from '@deploy-tools/sources/select/select-release.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import type { Listing, Source } from '@deploy-tools/sources/source.js';
import type { MetaStore } from '../../meta/meta-store.js';
import type { FollowedTrack, Track, TrackProgress } from '../../meta/track-store.js';
import { type Clock, timestamp } from '../clock.js';
import { type BumpPorts, bumpConfigurations } from './bump-configurations.js';
import { type IntakePorts, takeRelease } from './take-release.js';

/** The result of one check of a source. */
export interface CheckReport {
  readonly component: string;
  /** Whether the source has changed since the last check. */
  readonly changed: boolean;
  /** The versions that were added, of several components where the source has images. */
  readonly added: readonly LayerRef[];
  /** Configurations that have a new version now. */
  readonly bumped: readonly string[];
  /** The releases and changes that have to wait, a sentence each. */
  readonly waiting: readonly string[];
}

/** A source with its last listing. */
export interface WatchedSource {
  readonly source: Source;
  readonly wants: Wants;
  listing: Listing | undefined;
}

export interface TrackCheckPorts extends IntakePorts, BumpPorts {
  readonly meta: MetaStore;
  readonly clock: Clock;
}

/**
 * One check of a track's source. Takes the newest wanted and complete release when it is newer than the last one, and sets the
 * track's configurations to it. Each step is stored before the next begins, so that the next check resumes after a failure.
 */
export class TrackCheck {
  readonly #ports: TrackCheckPorts;
  readonly #track: Track;
  readonly #signal: AbortSignal;
  #progress: TrackProgress;

  constructor(ports: TrackCheckPorts, { track, progress }: FollowedTrack, signal: AbortSignal) {
    this.#ports = ports;
    this.#track = track;
    this.#progress = progress;
    this.#signal = signal;
  }

  /** @throws DeployError the failure of the source, the archive's check or the disk; the next check lists the source anew. */
  async run(watched: WatchedSource): Promise<CheckReport> {
    const { component } = this.#track;
    const known = watched.listing;
    watched.listing = undefined;
    const listing = await watched.source.list(known, this.#signal);
    const changed = listing !== known;
    if (this.#progress.error !== undefined) await this.#store({ error: undefined });
    if (!changed && this.#isSettled()) {
      watched.listing = listing;
      const { waiting } = this.#progress;
      return { component, changed, added: [], bumped: [], waiting };
    }
    const { picked, waiting } = await this.#pick(listing, watched.wants);
    const added = picked === undefined ? [] : await this.#take(watched, picked);
    if (this.#signal.aborted)
      throw new DeployError('cancelled', 'the check of the source was stopped', { hint: 'try again' });
    const { bumped, refused } = await this.#bump();
    waiting.push(...refused);
    if (waiting.join('\n') !== this.#progress.waiting.join('\n')) await this.#store({ waiting });
    watched.listing = listing;
    return { component, changed, added, bumped, waiting };
  }

  /** The release to take, or undefined; and the releases that have to wait, a sentence each. */
  async #pick(
    listing: Listing,
    wants: Wants,
  ): Promise<{ readonly picked: PickedRelease | undefined; readonly waiting: string[] }> {
    const { component } = this.#track;
    const yanked = new Set(await this.#ports.meta.read((tx) => tx.tracks.yanked(component)));
    const releases = listing.releases.filter(({ tag }) => !yanked.has(tag));
    const found = selectRelease(releases, wants);
    const waiting = found.waiting.map(({ tag, reason }) => `${tag} is not complete: ${reason}`);
    if (found.release === undefined) {
      waiting.push(`nothing to take: ${found.reasons.join('; ')}`);
      return { picked: undefined, waiting };
    }
    const last = this.#progress.added?.tag;
    const { tag } = found.release;
    if (last === undefined || yanked.has(last)) return { picked: found, waiting };
    if (tag === last) return { picked: undefined, waiting };
    const order = compareTags(tag, last, wants); // undefined: not comparable, so it counts as newer
    if (order === undefined || order >= 0) return { picked: found, waiting };
    waiting.push(
      `${last} is gone from the source, ${tag} is the newest there; nothing is changed, yank takes a version back`,
    );
    return { picked: undefined, waiting };
  }

  async #take(watched: WatchedSource, picked: PickedRelease): Promise<readonly LayerRef[]> {
    const { component } = this.#track;
    const from = { component, ...watched, signal: this.#signal };
    const layers = await takeRelease(this.#ports, from, picked);
    const time = timestamp(this.#ports.clock);
    await this.#store({ added: { tag: picked.release.tag, time, layers } });
    return layers;
  }

  /** Sets the configurations to the release that was added last, unless that is done. */
  async #bump(): Promise<{ readonly bumped: readonly string[]; readonly refused: readonly string[] }> {
    const { added } = this.#progress;
    if (added === undefined || this.#isSettled()) return { bumped: [], refused: [] };
    const { bumped, refused } = await bumpConfigurations(this.#ports, this.#track, added);
    await this.#store({ bumped: added.tag });
    const reasons = refused.map(
      ({ name, error }) => `configuration "${name}" was not set to ${added.tag}: ${error}`,
    );
    return { bumped, refused: reasons };
  }

  /** Whether the configurations have been set to the release that was added last. */
  #isSettled(): boolean {
    return this.#progress.added?.tag === this.#progress.bumped;
  }

  async #store(next: Partial<TrackProgress>): Promise<void> {
    this.#progress = { ...this.#progress, ...next };
    await this.#ports.meta.write((tx) => tx.tracks.putProgress(this.#track.component, this.#progress));
  }
}
