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
import type { AgentContext } from './agent-context.js';
import { type AgentFlags, agentSettings } from './agent-settings.js';
import { BuildThreads } from './build/build-threads.js';
import { Pushes } from './pushes.js';
import { RegistryLink } from './registry-link.js';

/** The SSH user name by which registries know agents. */
const AGENT_USER = 'deploy-agent';

/**
 * The one place that names concrete parts: checks what was asked for, takes the directory, runs.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startAgent(flags: AgentFlags, log: Logger, signal: AbortSignal): Promise<number> {
  const settings = agentSettings(flags);
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
  try {
    checkStatePlace(state);
    if (flags.once) threads.start(); // likely to be needed, and ready when they are
    const context: AgentContext = {
      paths: {
        cache: join(dir, 'cache'),
        unpacked: join(dir, 'unpacked'),
        manifests: join(dir, 'manifests'),
        records: join(dir, 'records'),
        state,
        scriptState: join(dir, 'script-state.json'),
        attempts: join(dir, 'attempts.json'),
      },
      settings,
      log,
      threads,
      clock: () => new Date(),
      signal,
      env: process.env,
    };
    const loop: AgentLoop = { pollMs: flags.poll, once: flags.once, random: Math.random };
    log.info({ configuration: settings.name, dir, registry: flags.addr }, 'agent ready');
    return await runAgent(context, link, pushes, loop);
  } finally {
    link.close();
    await threads.stop();
    lock.release();
  }
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
