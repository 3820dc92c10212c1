import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { AgentFlags } from '../agent-settings.js';
import type { Check } from './host-checks.js';
import { wantedBy, withRegistry } from './look-at-registry.js';

/** So much may two hosts be apart. */
const CLOCK_MS = 5000;

/** What only the registry can answer. @param name of the configuration. */
export function registryChecks(flags: AgentFlags, name: string): Check[] {
  return [
    {
      what: 'registry',
      look: () =>
        withRegistry(
          flags,
          async ({ peer, hostFingerprint }) => `${peer} (${hostFingerprint}) accepts the key`,
        ),
    },
    {
      what: 'configuration',
      look: () =>
        withRegistry(flags, async (connection) => {
          const { hash, revision, layers } = await wantedBy(connection, name);
          return `${name} ${revision ?? hash.slice(0, 12)}, ${layers.length} layers`;
        }),
    },
    {
      what: 'clock',
      look: () =>
        withRegistry(flags, async (connection) =>
          clockAgainst((await wantedBy(connection, name)).mtime, new Date()),
        ),
    },
  ];
}

/**
 * Registries do not tell the time, but when a configuration was changed: that cannot be in the future.
 * @throws DeployError invalid.
 */
export function clockAgainst(changed: string, now: Date): string {
  const ahead = Date.parse(changed) - now.getTime();
  if (!(ahead > CLOCK_MS)) return `${now.toISOString()}; it is not behind the last change at the registry`;
  throw new DeployError(
    'invalid',
    `this host's clock is behind the registry's by ${formatDuration(ahead)} or more`,
    {
      hint: 'set it, and have it kept by NTP, here or there',
    },
  );
}
