import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseAddress } from '@deploy-tools/shared/client/address.js';
import { parseFingerprint } from '@deploy-tools/shared/client/fingerprint.js';
import type { HostKeyTrust } from '@deploy-tools/shared/client/host-key-policy.js';
import { loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { type AgentLoop, runAgent } from './agent.js';
import type { AgentContext, AgentPaths } from './agent-context.js';
import { type AgentFlags, agentSettings } from './agent-settings.js';
import { BuildThreads } from './build/build-threads.js';
import { AttemptFacts } from './deploy/attempt-facts.js';
import { Ledger } from './deploy/ledger.js';
import { Pushes } from './pushes.js';
import { RegistryLink } from './registry-link.js';
import { readState } from './state-file.js';
import { openProgram } from './supervise/open-program.js';
import type { ReleaseProgram } from './supervise/release-program.js';
import type { Launch } from './supervise/start-child.js';
import { systemTimers } from './timers.js';

/** The SSH user name by which registries know agents. */
const AGENT_USER = 'deploy-agent';

/**
 * The one place that names concrete parts: checks what was asked for, takes the directory, runs.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startAgent(
  flags: AgentFlags,
  command: Launch['command'] | undefined,
  log: Logger,
  signal: AbortSignal,
): Promise<number> {
  const settings = agentSettings(flags, command);
  parseAddress(flags.addr);
  const hostKey = trustOf(flags);
  const dir = resolve(flags.dir);
  const state = resolve(flags.state);
  const identity = { credentials: [await loadKeyFile(resolve(flags.key))] };
  const lock = takeDirectory(dir, 'agent', 0o750);
  const pushes = new Pushes({ name: settings.name, silenceMs: flags.silence, log });
  const link = new RegistryLink(
    { addr: flags.addr, user: AGENT_USER, identity, hostKey, signal },
    log,
    flags.watch && !flags.once ? (connection) => pushes.follow(connection) : undefined,
  );
  const threads = new BuildThreads();
  let closeProgram = async (): Promise<void> => {};
  try {
    checkStatePlace(state);
    const clock = () => new Date();
    const ledger = openLedger(dir, state, clock);
    if (flags.once) threads.start(); // likely to be needed, and ready when they are
    const opened = await openSupervised(flags, command, dir, log);
    closeProgram = opened.close;
    const context: AgentContext = {
      paths: pathsIn(dir, state),
      settings,
      log,
      threads,
      ledger,
      facts: new AttemptFacts(),
      program: opened.program,
      clock,
      timers: systemTimers,
      signal,
      env: process.env,
    };
    const loop: AgentLoop = { pollMs: flags.poll, once: flags.once, random: Math.random };
    log.info({ configuration: settings.name, dir, registry: flags.addr }, 'agent ready');
    return await runAgent(context, link, pushes, loop);
  } finally {
    await closeProgram();
    link.close();
    await threads.stop();
    lock.release();
  }
}

function pathsIn(dir: string, state: string): AgentPaths {
  return {
    cache: join(dir, 'cache'),
    unpacked: join(dir, 'unpacked'),
    manifests: join(dir, 'manifests'),
    records: join(dir, 'records'),
    current: join(dir, 'current'),
    state,
  };
}

function openLedger(dir: string, state: string, clock: () => Date): Ledger {
  return new Ledger({
    path: join(dir, 'journal.json'),
    attemptsPath: join(dir, 'attempts.json'),
    clock,
    lastGood: () => readState(state),
  });
}

async function openSupervised(
  flags: AgentFlags,
  command: Launch['command'] | undefined,
  dir: string,
  log: Logger,
): Promise<{ readonly program: ReleaseProgram | undefined; close(): Promise<void> }> {
  if (command === undefined) return { program: undefined, close: async () => {} };
  return await openProgram({
    command,
    ports: flags.port,
    stopTimeoutMs: flags['stop-timeout'],
    recordPath: join(dir, 'programs.json'),
    timers: systemTimers,
    log,
  });
}

function trustOf(flags: AgentFlags): HostKeyTrust {
  if (flags.fp !== undefined && flags.fp !== '') return { fingerprint: parseFingerprint(flags.fp) };
  return { knownHosts: resolve(flags['known-hosts'] ?? join(homedir(), '.ssh', 'known_hosts')) };
}

/** To find out only after the script has run would run it again and again. */
function checkStatePlace(state: string): void {
  try {
    accessSync(dirname(state), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new DeployError('denied', `the state file ${state} cannot be written (${errnoOf(error)})`, {
      hint: 'check -state, and that its directory exists and is writable',
      cause: error,
    });
  }
}
