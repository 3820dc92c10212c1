import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { checkSpace } from '@deploy-tools/shared/host/free-space.js';
import type { AgentContext } from '../deploy/agent-context.js';
import { isWithoutRegistry, type Upstream } from '../deploy/upstream.js';
import { readCache } from './archive-cache.js';
import { build } from './build-from-chunks.js';
import { download } from './download-archive.js';
import type { Sessions } from './fetch/sessions.js';
import { plan } from './plan-downloads.js';
import { type Release, usableRelease } from './release-directory.js';
import { unpack } from './unpack-archives.js';

/**
 * The release on disk: from an attempt before, built of chunks, or unpacked from archives.
 * @param before what runs. @param unpackedIn as in the journal.
 * @throws what the phases throw; AbortError.
 */
export async function obtain(
  context: AgentContext,
  upstream: Upstream,
  before: AgentConfig | undefined,
  config: AgentConfig,
  unpackedIn: string | undefined,
): Promise<Release> {
  const ready = usableRelease(context.paths.unpacked, config.hash, unpackedIn);
  if (ready !== undefined) {
    context.log.debug({ root: ready.root }, 'the release is unpacked already');
    return ready;
  }
  const { builds, facts, signal, threads } = context;
  const act = () => facts.time('fetch', () => make(context, upstream, before, config));
  const { root, durable } = await builds.take(act, signal);
  const release = { root, durable: durable.finally(() => threads.stop()) };
  release.durable.catch(() => undefined); // told to who waits for it, which may be a while
  return release;
}

/** From a registry, over a session of its own. */
async function make(
  context: AgentContext,
  upstream: Upstream,
  before: AgentConfig | undefined,
  config: AgentConfig,
): Promise<Release> {
  if (isWithoutRegistry(upstream)) {
    await upstream.fetch(context, config);
    return await unpack(context, config);
  }
  const own = await upstream.own();
  try {
    return await makeOver(context, { ...upstream, first: own.sftp }, before, config);
  } finally {
    own.end();
  }
}

async function makeOver(
  context: AgentContext,
  sessions: Sessions,
  before: AgentConfig | undefined,
  config: AgentConfig,
): Promise<Release> {
  const built = await build(context, sessions, before, config);
  if (built !== undefined) return built;
  const { whole, partial } = await readCache(context, config);
  const todo = plan(config, whole, partial);
  await checkSpace(context.paths.cache, todo.downloadBytes, 'the download');
  context.facts.expect(todo.downloadBytes, 0);
  for (const layer of todo.download) await download(context, sessions.first, layer);
  return await unpack(context, config);
}
