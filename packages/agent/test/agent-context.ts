import { join } from 'node:path';
import type { AgentContext, AgentSettings } from '@deploy-tools/agent/deploy/agent-context.js';
import { AttemptFacts } from '@deploy-tools/agent/deploy/attempt-facts.js';
import { Ledger } from '@deploy-tools/agent/deploy/ledger.js';
import { Pause } from '@deploy-tools/agent/deploy/pause.js';
import { RandomDelay } from '@deploy-tools/agent/deploy/random-delay.js';
import { Pushes } from '@deploy-tools/agent/follow/pushes.js';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { pipedOutput } from '@deploy-tools/agent/process/script/piped-output.js';
import { AssembleThreads } from '@deploy-tools/agent/release/assemble/assemble-threads.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { Turns } from '@deploy-tools/shared/host/turns.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { configurationHash } from '@deploy-tools/shared/model.js';
import type { Archive } from '../../../test/support/archive.js';

/** What the phases work with, in a directory of the test's own. */
export async function agentContext(
  dir: string,
  settings: Partial<AgentSettings> = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<AgentContext> {
  return {
    paths: {
      cache: join(dir, 'cache'),
      unpacked: join(dir, 'unpacked'),
      manifests: join(dir, 'manifests'),
      records: join(dir, 'records'),
      state: join(dir, 'state.json'),
      scriptState: join(dir, 'script-state.json'),
      current: join(dir, 'current'),
      placed: join(dir, 'placed.json'),
    },
    settings: {
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
      ...settings,
    },
    log: await createLogger('test', 'silent'),
    threads: new AssembleThreads(),
    builds: new Turns(1),
    looks: new Turns(1),
    ledger: new Ledger({
      path: join(dir, 'journal.json'),
      attemptsPath: join(dir, 'attempts.json'),
      clock: () => new Date(),
      lastGood: () => undefined,
    }),
    pause: new Pause(join(dir, 'paused')),
    delay: new RandomDelay(0, Math.random, systemTimers.now),
    wishes: new Pushes(),
    calledOff: new AbortController().signal,
    onWanted: () => {},
    onTrouble: () => {},
    facts: new AttemptFacts(),
    output: { open: (_kind, as, onLine) => pipedOutput(as, onLine) },
    program: undefined,
    timers: systemTimers,
    clock: () => new Date(),
    signal,
    runAs: undefined,
    env: process.env,
  };
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
