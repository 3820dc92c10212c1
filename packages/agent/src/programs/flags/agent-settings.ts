import { resolve } from 'node:path';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { checkConfigurationName } from '@deploy-tools/shared/names.js';
import type { AgentSettings } from '../../deploy/agent-context.js';
import { destinationOf } from '../../place/sync/destination.js';
import { healthSettings } from '../../process/health/health-flags.js';
import { HOOKS } from '../../process/script/run-hook.js';
import { parseListenSpec } from '../../process/supervise/listen-spec.js';
import type { Launch } from '../../process/supervise/start-child.js';
import { REUSE_MODES, type ReuseMode } from '../../release/assemble/reuse-method.js';
import type { AGENT_FLAGS } from './agent-flags.js';

export type AgentFlags = FlagValues<typeof AGENT_FLAGS>;

/** The Go agent's default, for an agent without a program after --. */
const DEFAULT_SCRIPT = './deploy.sh';
/** Newest releases that are kept without -keep. */
const DEFAULT_KEEP = 5;
/** Node.js timers take 31 bits of milliseconds and fire at once beyond; jitter needs a part of these. */
const LONGEST_MS = 20 * 24 * 3_600_000;

/**
 * The settings that the flags stand for, checked before anything is done.
 * @param command of the supervised program.
 * @throws DeployError usage.
 */
export function agentSettings(
  flags: AgentFlags,
  command: Launch['command'] | undefined = undefined,
): AgentSettings {
  refuseSource(flags);
  if (flags.name === undefined || flags.name === '')
    throw new DeployError('usage', 'name should be set: the configuration to track');
  if (flags.state === '') throw new DeployError('usage', 'state should be set: the file to save state to');
  checkDuration('poll', flags.poll);
  checkDuration('script-timeout', flags['script-timeout']);
  checkDuration('silence', flags.silence);
  checkSupervision(flags, command);
  const health = healthSettings(flags);
  const hooks = hooksOf(flags);
  const destination = destinationOf(flags, flags.dir);
  const isOurs =
    health.checks.length > 0 ||
    Object.keys(hooks).length > 0 ||
    command !== undefined ||
    destination !== undefined;
  return {
    name: configurationName(flags.name),
    script: scriptPath(flags.script ?? (command === undefined ? DEFAULT_SCRIPT : '')),
    scriptTimeoutMs: flags['script-timeout'],
    user: flags.user === '' ? undefined : flags.user,
    hooks,
    health,
    rollback: rollbackOf(flags.rollback) ?? isOurs,
    retryLive: flags['retry-live'],
    destination,
    randomDelayMs: flags['random-delay'],
    keep: flags.keep ?? DEFAULT_KEEP,
    keepsForeign: flags.keep === undefined && !flags.cleanold,
    cleanOld: flags.cleanold,
    policy: policyOf(flags),
    ownership: ownershipOf(flags),
    reuse: reuseOf(flags.reuse),
  };
}

function configurationName(name: string): string {
  try {
    return checkConfigurationName(name);
  } catch (error) {
    throw new DeployError('usage', `-name: ${describeError(error)}`, { cause: error });
  }
}

function refuseSource({ source, slot, notify }: AgentFlags): void {
  if (source !== undefined)
    throw new DeployError('usage', 'with -source there is no registry to examine', {
      hint: 'leave out -source here',
    });
  if (slot !== undefined || notify.length > 0)
    throw new DeployError('usage', '-slot and -notify are for an agent without a registry, with -source');
}

function checkDuration(name: string, ms: number): void {
  if (ms > 0 && ms <= LONGEST_MS) return;
  throw new DeployError('usage', `${name} should be more than 0 and at most ${LONGEST_MS / 3_600_000}h`);
}

/** Makes a path with a slash absolute; a word without one is looked up in PATH, as by the Go agent. */
function scriptPath(script: string): string | undefined {
  if (script === '') return undefined;
  return script.includes('/') ? resolve(script) : script;
}

function hooksOf(flags: AgentFlags): AgentSettings['hooks'] {
  const named = HOOKS.flatMap((hook) => {
    const path = hook === 'script' ? undefined : scriptPath(flags[`hook-${hook}`] ?? '');
    return path === undefined ? [] : [[hook, path] as const];
  });
  return Object.fromEntries(named);
}

/** @returns undefined for `auto`. */
function rollbackOf(text: string): boolean | undefined {
  if (text === 'auto') return undefined;
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false)$/i.test(text)) return false;
  throw new DeployError('usage', `invalid value "${text}" for flag -rollback`, {
    hint: 'use true, false or auto',
  });
}

function checkSupervision(flags: AgentFlags, command: Launch['command'] | undefined): void {
  for (const port of flags.port) parseListenSpec(port);
  if (command === undefined && flags.port.length > 0)
    throw new DeployError('usage', '-port is for a program that the agent runs', {
      hint: 'name it after --',
    });
  if (flags.handoff === 'restart' && flags.port.length > 0)
    throw new DeployError('usage', '-port and -handoff restart exclude each other', {
      hint: 'leave it out with -handoff restart: the program opens its port itself then',
    });
  if (command !== undefined && flags.once)
    throw new DeployError('usage', 'a program that is to be kept running cannot be had with -once');
}

const ALLOWED = {
  'outside-links': 'outsideLinks',
  devices: 'devices',
  fifos: 'fifos',
  setid: 'setid',
} as const satisfies Record<string, keyof UnpackPolicy['allow']>;

/** @throws DeployError usage. */
export function policyOf(
  flags: Pick<AgentFlags, 'allow' | 'max-entries' | 'max-size' | 'max-ratio'>,
): UnpackPolicy {
  const words = flags.allow.flatMap((list) => list.split(','));
  const unknown = words.find((word) => !Object.hasOwn(ALLOWED, word));
  if (unknown !== undefined) {
    throw new DeployError('usage', `invalid value "${unknown}" for flag -allow`, {
      hint: `use ${Object.keys(ALLOWED).join(', ')}`,
    });
  }
  const bounds = {
    maxEntries: flags['max-entries'],
    maxBytes: flags['max-size'],
    maxRatio: flags['max-ratio'],
  };
  if (Object.values(bounds).some((bound) => bound < 1)) {
    throw new DeployError('usage', 'max-entries, max-size and max-ratio should be more than 0');
  }
  const allow = Object.fromEntries(
    Object.entries(ALLOWED).map(([word, key]) => [key, words.includes(word)]),
  ) as Record<keyof UnpackPolicy['allow'], boolean>;
  return { ...DEFAULT_UNPACK_POLICY, allow, ...bounds };
}

function reuseOf(word: string): ReuseMode {
  const mode = REUSE_MODES.find((known) => known === word);
  if (mode !== undefined) return mode;
  throw new DeployError('usage', `invalid value "${word}" for flag -reuse`, {
    hint: `use ${REUSE_MODES.join(', ')}`,
  });
}

/** @throws DeployError usage. */
export function ownershipOf(flags: Pick<AgentFlags, 'owner'>): AgentSettings['ownership'] {
  if (flags.owner && process.getuid?.() !== 0)
    throw new DeployError('usage', 'only root can keep owners (-owner)');
  return flags.owner ? 'archive' : 'self';
}
