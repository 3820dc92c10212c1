import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import type { WatchEvent } from '@deploy-tools/shared/watch-line.js';
import { watchConfigurations } from '../../follow/watch-channel.js';
import type { AgentFlags } from '../flags/agent-settings.js';
import type { Check } from './host-checks.js';
import { wantedBy, withRegistry } from './look-at-registry.js';

/** The accepted difference between the clocks of two hosts. */
const CLOCK_MS = 5000;
/** The wait for a registry's sign of life, which comes at intervals. */
const LONGEST_HEARTBEAT_MS = 20_000;
const CLOCK_HINT = 'set it, and have it kept by NTP, here or there';

export function registryCheck(flags: AgentFlags): Check {
  return {
    what: 'registry',
    look: () =>
      withRegistry(
        flags,
        async ({ peer, hostFingerprint }) => `${peer} (${hostFingerprint}) accepts the key`,
      ),
  };
}

export function configurationCheck(flags: AgentFlags, name: string): Check {
  return {
    what: 'configuration',
    look: () =>
      withRegistry(flags, async (connection) => {
        const { hash, revision, layers } = await wantedBy(connection, name);
        return `${name} ${revision ?? hash.slice(0, 12)}, ${layers.length} layers`;
      }),
  };
}

/** Compares the clocks of both hosts. @param name of a configuration. */
export function clockCheck(flags: AgentFlags, name: string): Check {
  return {
    what: 'clock',
    look: () =>
      withRegistry(flags, async (connection) => {
        const time = await timeAt(connection, name);
        if (time !== undefined) return clockBeside(time, new Date());
        return clockAgainst((await wantedBy(connection, name)).mtime, new Date());
      }),
  };
}

/** Reads the registry's clock, which a watch gets with each sign of life; undefined where the registry has no watch. */
async function timeAt(connection: Connection, name: string): Promise<string | undefined> {
  const enough = new AbortController();
  const signal = AbortSignal.any([enough.signal, AbortSignal.timeout(LONGEST_HEARTBEAT_MS)]);
  let time: string | undefined;
  const onEvent = (event: WatchEvent) => {
    if (event.kind !== 'heartbeat') return;
    time ??= event.time;
    enough.abort();
  };
  const watch = { names: [name], onEvent, signal };
  await watchConfigurations(connection, watch).catch((error: unknown) => {
    if (!signal.aborted && !isDeployError(error, 'unsupported')) throw error;
  });
  return time;
}

/** @param registryTime which the registry has just sent. @throws DeployError invalid. */
export function clockBeside(registryTime: string, now: Date): string {
  const ahead = now.getTime() - Date.parse(registryTime);
  if (Math.abs(ahead) <= CLOCK_MS) return `${now.toISOString()}, as the registry's`;
  const how = ahead > 0 ? 'ahead of' : 'behind';
  throw new DeployError(
    'invalid',
    `this host's clock is ${how} the registry's by ${formatDuration(Math.abs(ahead))}`,
    { hint: CLOCK_HINT },
  );
}

/** Compares with the last change, all that the Go registry sends: it cannot be in the future. @throws DeployError invalid. */
export function clockAgainst(changed: string, now: Date): string {
  const ahead = Date.parse(changed) - now.getTime();
  if (!(ahead > CLOCK_MS)) return `${now.toISOString()}; it is not behind the last change at the registry`;
  throw new DeployError(
    'invalid',
    `this host's clock is behind the registry's by ${formatDuration(ahead)} or more`,
    { hint: CLOCK_HINT },
  );
}
