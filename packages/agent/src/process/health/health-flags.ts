import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { HealthCheck } from './health-check.js';
import { parseChecks } from './parse-checks.js';
import type { HealthTimes } from './prove-healthy.js';

/** Well below 31 bits of milliseconds, beyond which timers of Node.js fire at once. */
const LONGEST_MS = 24 * 3_600_000;

export const HEALTH_FLAGS = [
  flag.list('health-http', 'URL that answers 2xx or 3xx when a release is healthy'),
  flag.list('health-tcp', 'HOST:PORT that accepts when a release is healthy'),
  flag.list('health-exec', 'command for /bin/sh that exits with 0 when a release is healthy'),
  flag.int('health-warn', 'exit status of -health-exec that is a warning, which passes; none without', {
    min: 1,
    max: 255,
  }),
  flag.duration('min-healthy', 'all checks have to pass for so long without a break', {
    default: '10s',
    min: 0,
    max: LONGEST_MS,
  }),
  flag.duration('healthy-deadline', 'a release that is not healthy by then has failed', {
    default: '1m0s',
    min: 1,
    max: LONGEST_MS,
  }),
  flag.int(
    'unhealthy-after',
    'a release is unhealthy at once when a check fails so often in a row; 0: by the deadline only',
    { default: '3', min: 0, max: 1_000_000 },
  ),
  flag.duration('health-interval', 'time between two rounds of checks', {
    default: '1s',
    min: 10,
    max: LONGEST_MS,
  }),
  flag.duration('health-timeout', 'a check without an answer by then is critical', {
    default: '5s',
    min: 1,
    max: LONGEST_MS,
  }),
] as const satisfies readonly FlagSpec[];

export interface HealthSettings extends HealthTimes {
  readonly checks: readonly HealthCheck[];
  readonly timeoutMs: number;
  /** The exit status of exec checks that is a warning; undefined for none. */
  readonly warnStatus: number | undefined;
}

/** @throws DeployError usage. */
export function healthSettings(flags: FlagValues<typeof HEALTH_FLAGS>): HealthSettings {
  const [minHealthyMs, deadlineMs] = [flags['min-healthy'], flags['healthy-deadline']];
  const settings = {
    checks: parseChecks({ http: flags['health-http'], tcp: flags['health-tcp'], exec: flags['health-exec'] }),
    minHealthyMs,
    deadlineMs,
    unhealthyAfter: flags['unhealthy-after'],
    intervalMs: flags['health-interval'],
    timeoutMs: flags['health-timeout'],
    warnStatus: flags['health-warn'],
  };
  if (minHealthyMs < deadlineMs) return settings;
  throw new DeployError(
    'usage',
    `no release can be healthy for ${formatDuration(minHealthyMs)} within ${formatDuration(deadlineMs)}`,
    { hint: 'give a -healthy-deadline that is longer than -min-healthy' },
  );
}
