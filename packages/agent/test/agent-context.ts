import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type {
  AgentContext,
  AgentSettings,
  ContextParts,
  LoopParts,
} from '@deploy-tools/agent/deploy/agent-context.js';
import { AttemptFacts } from '@deploy-tools/agent/deploy/attempt-facts.js';
import { agentContext as composeContext } from '@deploy-tools/agent/deploy/compose-context.js';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { Pause } from '@deploy-tools/agent/deploy/pause.js';
import { RandomDelay } from '@deploy-tools/agent/deploy/random-delay.js';
import { readWholeState } from '@deploy-tools/agent/deploy/state-file.js';
import type { Upstream } from '@deploy-tools/agent/deploy/upstream.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { pipedOutput } from '@deploy-tools/agent/process/script/piped-output.js';
import { pathsIn } from '@deploy-tools/agent/programs/daemon/open-application.js';
import { AssembleThreads } from '@deploy-tools/agent/release/assemble/assemble-threads.js';
import type { ReleaseStore } from '@deploy-tools/agent/release/release-store.js';
import { unpackArchives } from '@deploy-tools/agent/release/unpack-archives.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import type { Archive } from '../../../test/support/archive.js';

const SETTINGS: AgentSettings = {
  name: 'project',
  script: undefined,
  scriptTimeoutMs: 10_000,
  user: undefined,
  hooks: {},
  health: {
    checks: [],
    minHealthyMs: 0,
    deadlineMs: 10_000,
    unhealthyAfter: 0,
    intervalMs: 20,
    timeoutMs: 1000,
    warnStatus: undefined,
  },
  rollback: false,
  retryLive: false,
  destination: undefined,
  randomDelayMs: 0,
  keep: 5,
  keepsForeign: true,
  cleanOld: false,
  policy: DEFAULT_UNPACK_POLICY,
  ownership: 'self',
  reuse: 'auto',
};

/** Settings with these differences from a plain agent's. */
export function agentSettings(settings: Partial<AgentSettings> = {}): AgentSettings {
  return { ...SETTINGS, ...settings };
}

/** What deployments rest on, in a directory of the test's own. */
export async function agentContext(
  dir: string,
  settings: Partial<AgentSettings> = {},
  more: Partial<ContextParts & LoopParts> = {},
): Promise<AgentContext> {
  const paths = more.paths ?? pathsIn(dir, join(dir, 'state.json'));
  const parts: ContextParts = {
    paths,
    log: await createLogger('test', 'silent'),
    threads: new AssembleThreads(),
    builds: new Turns(1),
    ledger: new Ledger({
      path: join(dir, 'journal.json'),
      attemptsPath: join(dir, 'attempts.json'),
      clock: () => new Date(),
      lastGood: () => readWholeState(paths.state),
    }),
    pause: new Pause(join(dir, 'paused')),
    onWanted: () => {},
    onTrouble: () => {},
    facts: new AttemptFacts(),
    output: { open: (_kind, as, onLine) => pipedOutput(as, onLine) },
    program: undefined,
    clock: () => new Date(),
    timers: systemTimers,
    runAs: undefined,
    env: process.env,
    ...more,
  };
  return composeContext(parts, {
    settings: agentSettings(settings),
    delay: new RandomDelay(0, Math.random, systemTimers.now),
    wishes: new Pushes(),
    signal: new AbortController().signal,
    ...more,
  });
}

/** What releases are made with, in a directory of the test's own. */
export async function releaseStore(
  dir: string,
  settings: Partial<AgentSettings> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<ReleaseStore> {
  return (await agentContext(dir, settings, { signal })).releases;
}

/** A configuration of these archives, in order. */
export function configOf(...archives: readonly Pick<Archive, 'hash' | 'size'>[]): AgentConfig {
  return {
    name: 'project',
    mtime: '2026-03-01T12:00:00Z',
    hash: configurationHash(archives.map(({ hash }) => hash)),
    layers: archives.map(({ hash, size }, index) => ({
      name: `layer${index}`,
      version: 'v1',
      file: `files/${hash}`,
      hash,
      ctime: '2026-03-01T12:00:00Z',
      size,
    })),
  };
}

/**
 * An upstream that has what it is asked for at once.
 * @param wanted what the host is to run.
 * @param onFetch called before a release is made; puts its archives into the cache where they are not there.
 */
export function playedUpstream(
  wanted: () => AgentConfig | Promise<AgentConfig>,
  onFetch: (config: AgentConfig) => void | Promise<void> = () => {},
): Upstream {
  return {
    wanted: async () => await wanted(),
    wantedHash: async () => undefined,
    make: async (store, { config }) => {
      await onFetch(config);
      return await unpackArchives(store, config);
    },
    reach: async () => {},
    drop: () => {},
    retryAfterMs: () => undefined,
    redialMs: () => 0,
  };
}

/** An upstream that must not be asked for anything. */
export function closedUpstream(): Upstream {
  return playedUpstream(
    () => {
      throw new Error('nothing is asked for');
    },
    () => {
      throw new Error('nothing is fetched');
    },
  );
}

/** Puts archives into the agent's cache. */
export function fillCache(dir: string, archives: Iterable<Pick<Archive, 'path' | 'hash'>>): void {
  mkdirSync(join(dir, 'cache'), { recursive: true });
  for (const { path, hash } of archives) copyFileSync(path, join(dir, 'cache', hash));
}
