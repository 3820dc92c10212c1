import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { syncDirectory } from '@deploy-tools/shared/host/atomic-file.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import { checkVersion } from '@deploy-tools/shared/names.js';
import { fetchRelease } from '@deploy-tools/sources/layers/fetch-release.js';
import type { LayerFile } from '@deploy-tools/sources/layers/repack.js';
import { pollDelayMs } from '@deploy-tools/sources/poll-delay.js';
import {
  compareTags,
  type NothingPicked,
  type PickedRelease,
  selectRelease,
} from '@deploy-tools/sources/select/select-release.js';
import type { Wants } from '@deploy-tools/sources/select/wants.js';
import type { Listing, Source } from '@deploy-tools/sources/source.js';
import type { AgentContext } from '../../deploy/agent-context.js';
import { isCurrent } from '../../deploy/deploy-wanted.js';
import { readState } from '../../deploy/state-file.js';
import type { Upstream } from '../../deploy/upstream.js';
import { verifyCache } from '../../release/archive-cache.js';
import type { Release } from '../../release/release-directory.js';
import type { ReleaseStore, WantedRelease } from '../../release/release-store.js';
import { unpackArchives } from '../../release/unpack-archives.js';
import type { TakenRelease, TakenReleases } from './taken-release.js';

interface SourceOptions {
  readonly source: Source;
  readonly wants: Wants;
  readonly taken: TakenReleases;
  /** Where releases are downloaded to, on the disk of the agent's directory. */
  readonly incoming: string;
  readonly pollMs: number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly context: AgentContext;
}

/**
 * A source as an upstream: it wants the newest wanted and complete release, once that is fetched. A release that disappears
 * from the source stays wanted.
 */
export class SourceUpstream implements Upstream {
  readonly #options: SourceOptions;
  readonly #context: AgentContext;
  #listing: Listing | undefined;
  #taken: TakenRelease | undefined;
  #failures = 0;
  /** The source works, but has no release: that does not lengthen the delay between polls. */
  #isEmpty = false;
  #retryAfterMs: number | undefined;
  /** The time of the next allowed poll, in milliseconds of the timers. */
  #notBefore = 0;
  /** The reasons for waiting that were logged last; the same reasons are not logged again. */
  #said = '';

  constructor(options: SourceOptions) {
    this.#options = options;
    this.#context = options.context;
    this.#taken = options.taken.read();
  }

  retryAfterMs(): number | undefined {
    return this.#retryAfterMs;
  }

  /** Has the next poll ignore the delay after failures. */
  pollNow(): void {
    this.#notBefore = 0;
  }

  async wantedHash(): Promise<undefined> {
    return undefined;
  }

  async reach(): Promise<void> {}

  drop(): void {}

  redialMs(): number {
    return this.#options.pollMs;
  }

  async wanted(signal: AbortSignal): Promise<AgentConfig> {
    const taken = this.#taken;
    const { log, pause, paths, timers } = this.#context;
    if (taken === undefined) return await this.#backingOff(() => this.#poll(signal));
    if (pause.paused) return taken.config;
    const isDone = isCurrent(this.#context, readState(paths.state), taken.config);
    if (!isDone && timers.now() < this.#notBefore) return taken.config;
    try {
      return await this.#backingOff(() => this.#poll(signal));
    } catch (error) {
      if (isDone || signal.aborted) throw error;
      // The release was fetched before, so its deployment need not wait for the source.
      log.error(
        { tag: taken.tag, err: describeError(error) },
        'the source cannot be used, deploying what was fetched before',
      );
      return taken.config;
    }
  }

  async make(store: ReleaseStore, { config }: WantedRelease): Promise<Release> {
    await this.#fetchMissing(store, config);
    return await unpackArchives(store, config);
  }

  /** Fetches the archives of a taken release that are not in the cache any more. @throws DeployError not-found, corrupt. */
  async #fetchMissing(store: ReleaseStore, config: AgentConfig): Promise<void> {
    const whole = await verifyCache(store, config);
    if (config.layers.every(({ hash }) => whole.has(hash))) return;
    const tag = config.layers[0]?.version ?? '';
    store.log.warn({ tag }, 'archives of the release are gone from the cache, fetching them again');
    await this.#backingOff(async () => {
      const picked = await this.#pickTag(tag, store.signal);
      const layers = await this.#download(picked, store.signal);
      if (configurationHash(layers.map(({ hash }) => hash)) === config.hash) return;
      throw new DeployError('corrupt', `${tag} at ${this.#options.source.label} is not what it was`, {
        hint: 'publish another version',
      });
    });
  }

  /** Runs an action on the source; after a failure it computes the delay before the next poll. */
  async #backingOff<T>(act: () => Promise<T>): Promise<T> {
    const { pollMs, random } = this.#options;
    this.#isEmpty = false;
    try {
      const result = await act();
      this.#failures = 0;
      this.#retryAfterMs = undefined;
      return result;
    } catch (thrown) {
      const error = toDeployError(thrown);
      this.#failures = this.#isEmpty ? 0 : this.#failures + 1;
      const history = { failures: this.#failures, retryAfterMs: error.retryAfterMs };
      this.#retryAfterMs = pollDelayMs(pollMs, history, random());
      this.#notBefore = this.#context.timers.now() + this.#retryAfterMs;
      throw error;
    }
  }

  async #poll(signal: AbortSignal): Promise<AgentConfig> {
    const { source, wants } = this.#options;
    const known = this.#listing;
    this.#listing = undefined; // The next poll asks for it anew where what follows fails.
    const listing = await source.list(known, signal);
    const taken = this.#taken;
    if (listing === known && taken !== undefined) {
      this.#listing = listing;
      return taken.config;
    }
    const config = await this.#choose(selectRelease(listing.releases, wants), taken, signal);
    this.#listing = listing;
    return config;
  }

  async #choose(
    picked: PickedRelease | NothingPicked,
    taken: TakenRelease | undefined,
    signal: AbortSignal,
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
    return await this.#take(picked, signal);
  }

  async #take(picked: PickedRelease, signal: AbortSignal): Promise<AgentConfig> {
    const { taken } = this.#options;
    const { log } = this.#context;
    const { release, artifacts, alsoFits } = picked;
    const tag = checkVersion(release.tag);
    log.info({ tag, artifacts: artifacts.map(({ name }) => name), alsoFits }, 'new release');
    const layers = await this.#download(picked, signal);
    const config = this.#configOf(tag, layers);
    taken.write({ tag, config });
    this.#taken = { tag, config };
    return config;
  }

  #configOf(tag: string, layers: readonly LayerFile[]): AgentConfig {
    const { settings, clock } = this.#context;
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

  /** Downloads a release's archives into the cache, under their hashes. */
  async #download(picked: PickedRelease, signal: AbortSignal): Promise<readonly LayerFile[]> {
    const { source, wants, incoming } = this.#options;
    const { paths, settings, log } = this.#context;
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

  /** Finds a release by its tag, whatever the options say. */
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
    if (text !== '' && text !== this.#said) this.#context.log.warn(text);
    this.#said = text;
  }
}

/** The error while the source has no release that could be taken. */
function nothingYet(label: string, reasons: readonly string[]): DeployError {
  return new DeployError('not-found', `there is nothing to deploy at ${label}: ${reasons.join('; ')}`, {
    hint: 'it is polled again',
  });
}
