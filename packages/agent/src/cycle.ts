import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { type DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import type { AgentContext } from './agent-context.js';
import { pruneCache, readCache } from './archive-cache.js';
import { countFailure, readAttempts, waitBefore, writeAttempts } from './attempts.js';
import type { Sessions } from './fetch/sessions.js';
import { checkSpace } from './free-space.js';
import { layerLabel } from './layer-label.js';
import { activate } from './phases/activate.js';
import { build } from './phases/build.js';
import { commit } from './phases/commit.js';
import { download } from './phases/download.js';
import { plan } from './phases/plan.js';
import { prune } from './phases/prune.js';
import { resolve } from './phases/resolve.js';
import { unpack } from './phases/unpack.js';
import { keepRecord } from './records/keep-record.js';
import { pruneRecords } from './records/prune-records.js';
import { type Release, removeLeftovers, removeOtherReleases, usableRelease } from './release-directory.js';
import { awaitEarlierScript } from './script/await-earlier-script.js';
import { removeScriptState } from './script/script-state.js';
import { readState } from './state-file.js';

/** How a look at the registry ended; failures are thrown. */
export type Outcome =
  /** What is wanted runs already. */
  | { readonly kind: 'current'; readonly hash: string }
  | { readonly kind: 'deployed'; readonly hash: string }
  /** It failed before and is not tried again yet. */
  | { readonly kind: 'waiting'; readonly hash: string; readonly ms: number };

/**
 * One look at the registry and, when it wants something else than what runs, one deployment, phase by phase. A crash
 * anywhere leaves the state as it was and the next cycle starts over; archives stay in the cache.
 * @param impatient whether to try at once what failed lately.
 */
export async function cycle(context: AgentContext, sessions: Sessions, impatient: boolean): Promise<Outcome> {
  const before = readState(context.paths.state);
  const config = await resolve(sessions.first, context.settings.name);
  if (config.hash === before?.hash) {
    await removeLeftovers(context, false); // of a deployment that is not wanted any more
    return { kind: 'current', hash: config.hash };
  }
  const attempts = readAttempts(context.paths.attempts);
  const ms = impatient ? 0 : waitBefore(attempts, config.hash, context.clock());
  if (ms > 0) return { kind: 'waiting', hash: config.hash, ms };
  context.log.info(
    {
      hash: config.hash,
      revision: config.revision,
      layers: config.layers.map(layerLabel),
    },
    'new configuration',
  );
  try {
    const release = await obtain(context, sessions, before, config);
    await install(context, before, config, release);
  } catch (thrown) {
    throw await recordFailure(context, config, toDeployError(thrown));
  } finally {
    await context.threads.stop();
  }
  context.log.info({ hash: config.hash }, 'deployed');
  return { kind: 'deployed', hash: config.hash };
}

/** What has to be done once, before the first cycle: an agent before this one may have been killed at any moment. */
export async function recover(context: AgentContext): Promise<void> {
  const { paths, settings, log, signal } = context;
  const script = readAttempts(paths.attempts)?.script;
  if (script !== undefined) await awaitEarlierScript(script, settings.scriptTimeoutMs, log, signal);
  await removeScriptState(paths.scriptState);
  await removeLeftovers(context, true);
}

/** The release on disk: from an attempt before, built of chunks, or unpacked from archives. */
async function obtain(
  context: AgentContext,
  sessions: Sessions,
  before: AgentConfig | undefined,
  config: AgentConfig,
): Promise<Release> {
  const { paths, log } = context;
  const attempts = readAttempts(paths.attempts);
  const unpackedIn = attempts?.hash === config.hash ? attempts.unpackedIn : undefined;
  const ready = usableRelease(paths.unpacked, config.hash, unpackedIn);
  if (ready !== undefined) {
    log.debug({ root: ready.root }, 'the release is unpacked already');
    return ready;
  }
  const built = await build(context, sessions, before, config);
  if (built !== undefined) return built;
  await fetchArchives(context, sessions, config);
  return await unpack(context, config);
}

async function fetchArchives(context: AgentContext, sessions: Sessions, config: AgentConfig): Promise<void> {
  const { whole, partial } = await readCache(context, config);
  const todo = plan(config, whole, partial);
  await checkSpace(context.paths.cache, todo.downloadBytes, 'the download');
  for (const layer of todo.download) await download(context, sessions.first, layer);
}

async function install(
  context: AgentContext,
  before: AgentConfig | undefined,
  config: AgentConfig,
  release: Release,
): Promise<void> {
  // Awaited also when the script fails, so that nothing is still being written when the next attempt begins.
  const [script, durable] = await Promise.allSettled([
    activate(context, before, config, release.root),
    release.durable,
  ]);
  if (script.status === 'rejected') throw script.reason;
  if (durable.status === 'rejected') throw durable.reason;
  commit(context, config);
  const removeOthers = (hash: string) => keepRecord(context, hash, () => removeOtherReleases(context, hash));
  await prune(context, { pruneCache, pruneRecords, removeLeftovers, removeOthers }, config);
}

/** Remembers the failure, but for those that the release is not to blame for: a lost connection, being stopped. */
async function recordFailure(
  context: AgentContext,
  config: AgentConfig,
  error: DeployError,
): Promise<DeployError> {
  if (error.kind === 'connect' || error.kind === 'cancelled') return error;
  const now = context.clock();
  const attempts = countFailure(readAttempts(context.paths.attempts), config.hash, now);
  try {
    writeAttempts(context.paths.attempts, attempts);
  } catch (failure) {
    context.log.error({ err: describeError(failure) }, 'the failed attempt cannot be recorded');
  }
  const { failures, notBefore } = attempts;
  context.log.warn({ hash: config.hash, failures, notBefore }, 'deployment failed, it is tried again later');
  return error;
}
