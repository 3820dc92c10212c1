import { type Release, usableRelease } from '../release/release-directory.js';
import type { WantedRelease } from '../release/release-store.js';
import type { AgentContext } from './agent-context.js';
import type { Upstream } from './upstream.js';

/** A wanted release, which may have been made already. */
export interface ObtainRequest extends WantedRelease {
  /** The boot of the host in which it was unpacked, as in the journal; undefined when it was not. */
  readonly unpackedIn?: string | undefined;
  /** Ends the download; by default the agent's signal. */
  readonly signal?: AbortSignal;
}

/** Returns a release on disk: one of an earlier attempt, or a new one of the upstream. @throws as Upstream.make. */
export async function obtainRelease(
  { releases, builds, facts, log, signal }: AgentContext,
  upstream: Upstream,
  { config, before, unpackedIn, signal: until = signal }: ObtainRequest,
): Promise<Release> {
  const ready = usableRelease(releases.paths.unpacked, config.hash, unpackedIn);
  if (ready !== undefined) {
    log.debug({ root: ready.root }, 'the release is unpacked already');
    return ready;
  }
  const make = () => upstream.make({ ...releases, signal: until }, { config, before });
  const { root, durable } = await builds.take(() => facts.time('fetch', make), until);
  const release = { root, durable: durable.finally(() => releases.threads.stop()) };
  release.durable.catch(() => undefined); // The deployment awaits it later.
  return release;
}
