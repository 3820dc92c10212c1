import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import type { HostKeyTrust } from '@deploy-tools/shared/client/host-key-policy.js';
import { loadKeyFile } from '@deploy-tools/shared/client/key-file.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { takeDirectory } from '@deploy-tools/shared/host/dir-lock.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { checkConfigurationName } from '@deploy-tools/shared/names.js';
import { type AgentLoop, runAgent } from './agent.js';
import type { AgentContext } from './agent-context.js';
import type { AGENT_FLAGS } from './agent-flags.js';
import { RegistryLink } from './registry-link.js';

type Flags = FlagValues<typeof AGENT_FLAGS>;

/** The SSH user name by which registries know agents. */
const AGENT_USER = 'deploy-agent';

/**
 * The one place that names concrete parts: checks what was asked for, takes the directory, runs.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startAgent(flags: Flags, log: Logger, signal: AbortSignal): Promise<number> {
  if (flags.name === undefined)
    throw new DeployError('usage', 'name should be set: the configuration to track');
  const name = checkConfigurationName(flags.name);
  if (flags.poll <= 0) throw new DeployError('usage', 'poll should be more than 0');
  const dir = resolve(flags.dir);
  const identity = { credentials: [await loadKeyFile(resolve(flags.key))] };
  const lock = takeDirectory(dir, 'agent', 0o750);
  const link = new RegistryLink(
    { addr: flags.addr, user: AGENT_USER, identity, hostKey: trustOf(flags), signal },
    log,
  );
  try {
    const context: AgentContext = {
      paths: {
        cache: join(dir, 'cache'),
        unpacked: join(dir, 'unpacked'),
        state: resolve(flags.state),
        attempts: join(dir, 'attempts.json'),
      },
      settings: {
        name,
        script: scriptPath(flags.script),
        scriptTimeoutMs: flags['script-timeout'],
        cleanOld: flags.cleanold,
        policy: policyOf(flags),
        ownership: ownershipOf(flags),
      },
      log,
      clock: () => new Date(),
      signal,
      env: process.env,
    };
    const loop: AgentLoop = { pollMs: flags.poll, once: flags.once, random: Math.random };
    log.info({ configuration: name, dir, registry: flags.addr }, 'agent ready');
    return await runAgent(context, link, loop);
  } finally {
    link.close();
    lock.release();
  }
}

function trustOf(flags: Flags): HostKeyTrust {
  if (flags.fp !== undefined && flags.fp !== '') return { fingerprint: flags.fp };
  return { knownHosts: resolve(flags['known-hosts'] ?? join(homedir(), '.ssh', 'known_hosts')) };
}

/** With a slash it is a path, made absolute; without one it is looked up in PATH, as the original does. */
function scriptPath(script: string): string | undefined {
  if (script === '') return undefined;
  return script.includes('/') ? resolve(script) : script;
}

function policyOf(flags: Flags): UnpackPolicy {
  const allowed = new Set(flags.allow.flatMap((words) => words.split(',')));
  const names = {
    'outside-links': 'outsideLinks',
    devices: 'devices',
    fifos: 'fifos',
    setid: 'setid',
  } as const;
  for (const word of allowed) {
    if (!Object.hasOwn(names, word)) {
      throw new DeployError('usage', `invalid value "${word}" for flag -allow`, {
        hint: `use ${Object.keys(names).join(', ')}`,
      });
    }
  }
  return {
    ...DEFAULT_UNPACK_POLICY,
    allow: {
      outsideLinks: allowed.has('outside-links'),
      devices: allowed.has('devices'),
      fifos: allowed.has('fifos'),
      setid: allowed.has('setid'),
    },
    maxEntries: flags['max-entries'],
    maxBytes: flags['max-size'],
    maxRatio: flags['max-ratio'],
  };
}

function ownershipOf(flags: Flags): 'self' | 'archive' {
  if (flags.owner && process.getuid?.() !== 0)
    throw new DeployError('usage', 'only root can keep owners (-owner)');
  return flags.owner ? 'archive' : 'self';
}
