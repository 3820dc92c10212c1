import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import { checkVersion } from '@deploy-tools/shared/names.js';
import { fetchRelease } from '@deploy-tools/sources/layers/fetch-release.js';
import type { LayerFile } from '@deploy-tools/sources/layers/layer-file.js';
import { pauseBefore } from '@deploy-tools/sources/pause-before.js';
import {
  compareTags,
  type NothingPicked,
  type PickedRelease,
  selectRelease,
} from '@deploy-tools/sources/select/select-release.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import type { Listing, Source } from '@deploy-tools/sources/source.js';
import type { AgentContext } from '../../deploy/agent-context.js';
import { isCurrent } from '../../deploy/begin-attempt.js';
import { readState } from '../../deploy/state-file.js';
import type { Releases } from '../../deploy/upstream.js';
import { readCache } from '../../release/archive-cache.js';
import type { TakenRelease, TakenReleases } from './taken-release.js';

export interface SourceOptions {
  readonly source: Source;
  readonly wants: Wants;
  readonly taken: TakenReleases;
  /** Where releases are downloaded to, on the disk of the agent's directory. */
  readonly incoming: string;
  readonly pollMs: number;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  readonly log: Logger;
}

/**
 * The releases of a source, for an agent that follows it by itself: the newest that is wanted and complete, once it is
 * fetched. What disappears there changes nothing.
 */
export class SourceReleases implements Releases {
  readonly #options: SourceOptions;
  #listing: Listing | undefined;
  #taken: TakenRelease | undefined;
  #failures = 0;
  /** The source works, but nothing is there: that is no reason to look less often. */
  #isEmpty = false;
  #patience: number | undefined;
  /** Until when it is to be left alone, in milliseconds of the clock. */
  #notBefore = 0;
  /** What was said last of what is waited for, so that it is said once. */
  #said = '';

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#taken = options.taken.read();
  }

  patience(): number | undefined {
    return this.#patience;
  }

  /** Somebody wants the source to be looked at now, however patient it has to be. */
  lookNow(): void {
    this.#notBefore = 0;
  }

  async wanted(context: AgentContext): Promise<AgentConfig> {
    const taken = this.#taken;
    if (taken === undefined) return await this.#patiently(context, () => this.#look(context));
    if (context.pause.paused) return taken.config;
    const isDone = isCurrent(context, readState(context.paths.state), taken.config);
    if (!isDone && context.timers.now() < this.#notBefore) return taken.config;
    try {
      return await this.#patiently(context, () => this.#look(context));
    } catch (error) {
      if (isDone || context.signal.aborted) throw error;
      // What it takes is here already: it does not have to wait for the source.
      this.#options.log.error(
        { tag: taken.tag, err: describeError(error) },
        'going on with what was fetched before',
      );
      return taken.config;
    }
  }

  async fetch(context: AgentContext, config: AgentConfig): Promise<void> {
    const { whole } = await readCache(context, config);
    if (config.layers.every(({ hash }) => whole.has(hash))) return;
    const tag = config.layers[0]?.version ?? '';
    this.#options.log.warn({ tag }, 'archives of the release are gone from the cache, fetching them again');
    await this.#patiently(context, async () => {
      const picked = await this.#pickTag(tag, context.signal);
      const layers = await this.#download(context, picked);
      if (configurationHash(layers.map(({ hash }) => hash)) === config.hash) return;
      throw new DeployError('corrupt', `${tag} at ${this.#options.source.label} is not what it was`, {
        hint: 'publish another version',
      });
    });
  }

  /** Notes how long the source is to be left alone when it cannot be used. */
  async #patiently<T>({ timers }: AgentContext, act: () => Promise<T>): Promise<T> {
    const { pollMs, random } = this.#options;
    this.#isEmpty = false;
    try {
      const result = await act();
      this.#failures = 0;
      this.#patience = undefined;
      return result;
    } catch (thrown) {
      const error = toDeployError(thrown);
      this.#failures = this.#isEmpty ? 0 : this.#failures + 1;
      this.#patience = pauseBefore(pollMs, this.#failures, error.retryAfterMs, random());
      this.#notBefore = timers.now() + this.#patience;
      throw error;
    }
  }

  async #look(context: AgentContext): Promise<AgentConfig> {
    const { source, wants } = this.#options;
    const known = this.#listing;
    this.#listing = undefined; // asked for anew when what follows fails
    const listing = await source.list(known, context.signal);
    const taken = this.#taken;
    if (listing === known && taken !== undefined) {
      this.#listing = listing;
      return taken.config;
    }
    const picked = selectRelease(listing.releases, wants);
    const config = await this.#choose(context, picked, taken);
    this.#listing = listing;
    return config;
  }

  async #choose(
    context: AgentContext,
    picked: PickedRelease | NothingPicked,
    taken: TakenRelease | undefined,
  ): Promise<AgentConfig> {
    const waiting = picked.waiting.map(({ tag, reason }) => `${tag} is not complete: ${reason}`);
    if (picked.release === undefined) {
      if (taken === undefined) {
        this.#isEmpty = true;
        throw nothingYet(this.#options.source.label, picked.reasons);
      }
      this.#say([...waiting, `${taken.tag} is gone from the source; nothing is changed`]);
      return taken.config;
    }
    const { tag } = picked.release;
    const isOlder = taken !== undefined && (compareTags(tag, taken.tag, this.#options.wants) ?? 1) < 0;
    if (isOlder)
      waiting.push(`${taken.tag} is gone from the source, ${tag} is the newest there; nothing is changed`);
    this.#say(waiting);
    if (taken !== undefined && (isOlder || tag === taken.tag)) return taken.config;
    return await this.#take(context, picked);
  }

  async #take(context: AgentContext, picked: PickedRelease): Promise<AgentConfig> {
    const { log, taken } = this.#options;
    const { release, artifacts, alsoFits } = picked;
    const tag = checkVersion(release.tag);
    log.info({ tag, artifacts: artifacts.map(({ name }) => name), alsoFits }, 'new release');
    const layers = await this.#download(context, picked);
    const config = this.#configOf(context, tag, layers);
    taken.write({ tag, config });
    this.#taken = { tag, config };
    return config;
  }

  #configOf({ settings, clock }: AgentContext, tag: string, layers: readonly LayerFile[]): AgentConfig {
    const { name } = settings;
    const time = clock().toISOString();
    const isImage = this.#options.source.kind === 'image';
    return {
      name,
      mtime: time,
      hash: configurationHash(layers.map(({ hash }) => hash)),
      layers: layers.map(({ hash, size }, index) => ({
        name: isImage ? `${name}.l${index + 1}` : name,
        version: tag,
        file: `files/${hash}`,
        hash,
        ctime: time,
        size,
      })),
    };
  }

  /** Has a release's archives in the cache, under their hashes. */
  async #download(
    { paths, settings, signal }: AgentContext,
    picked: PickedRelease,
  ): Promise<readonly LayerFile[]> {
    const { source, wants, incoming, log } = this.#options;
    await mkdir(incoming, { recursive: true, mode: 0o700 });
    await mkdir(paths.cache, { recursive: true, mode: 0o700 });
    const { policy } = settings;
    const options = { checksum: wants.checksum, log, policy, maxArtifactBytes: policy.maxBytes };
    const layers = await fetchRelease(source, picked, incoming, signal, options);
    const files = new Map(layers.map(({ hash, path }) => [hash, path]));
    for (const [hash, path] of files) await rename(path, join(paths.cache, hash));
    syncDirectory(paths.cache);
    await rm(incoming, { recursive: true, force: true });
    return layers;
  }

  /** A release of which nothing but its tag is known. */
  async #pickTag(tag: string, signal: AbortSignal): Promise<PickedRelease> {
    const { source, wants } = this.#options;
    const { releases } = await source.list(undefined, signal);
    const those = releases.filter((release) => release.tag === tag);
    const any = { ...wants, constraint: undefined, slot: undefined, preRelease: true };
    const picked = selectRelease(those, any);
    if (picked.release !== undefined) return picked;
    throw new DeployError(
      'not-found',
      `${tag} is not at ${source.label} any more: ${picked.reasons.join('; ')}`,
    );
  }

  #say(waiting: readonly string[]): void {
    const text = waiting.join('; ');
    if (text !== '' && text !== this.#said) this.#options.log.warn(text);
    this.#said = text;
  }
}

/** Nothing was ever taken, and nothing is there to take: it may come at any time. */
function nothingYet(label: string, reasons: readonly string[]): DeployError {
  return new DeployError('not-found', `there is nothing to deploy at ${label}: ${reasons.join('; ')}`, {
    hint: 'it is looked at again',
  });
}
