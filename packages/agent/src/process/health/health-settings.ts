import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { HealthCheck } from './health-check.js';
import type { HEALTH_FLAGS } from './health-flags.js';
import { parseChecks } from './parse-checks.js';
import type { HealthTimes } from './prove-healthy.js';

export interface HealthSettings extends HealthTimes {
  readonly checks: readonly HealthCheck[];
  readonly timeoutMs: number;
  /** The exit status of exec checks that is a warning; undefined for none. */
  readonly warnStatus: number | undefined;
}

/**
 * What the flags say, checked.
 * @throws DeployError usage.
 */
export function healthSettings(flags: FlagValues<typeof HEALTH_FLAGS>): HealthSettings {
  const checks = parseChecks({
    http: flags['health-http'],
    tcp: flags['health-tcp'],
    exec: flags['health-exec'],
  });
  const [minHealthyMs, deadlineMs] = [flags['min-healthy'], flags['healthy-deadline']];
  if (minHealthyMs >= deadlineMs) {
    throw new DeployError(
      'usage',
      `no release can be healthy for ${formatDuration(minHealthyMs)} within ${formatDuration(deadlineMs)}`,
      { hint: 'give a -healthy-deadline that is longer than -min-healthy' },
    );
  }
  const [intervalMs, timeoutMs] = [flags['health-interval'], flags['health-timeout']];
  const [unhealthyAfter, warnStatus] = [flags['unhealthy-after'], flags['health-warn']];
  return { checks, minHealthyMs, deadlineMs, unhealthyAfter, intervalMs, timeoutMs, warnStatus };
}
