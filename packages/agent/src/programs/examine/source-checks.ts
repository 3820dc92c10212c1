import { DeployError } from '@deploy-tools/shared/errors.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { selectRelease } from '@deploy-tools/sources/select/select-release.js';
import type { Launch } from '../../process/supervise/start-child.js';
import type { AgentFlags } from '../flags/agent-settings.js';
import { sourcedSettings } from '../sourced/sourced-settings.js';
import { type Check, hostChecks } from './host-checks.js';

/** The checks for an agent without a registry. @throws DeployError usage. */
export function sourceChecks(flags: AgentFlags, command: Launch['command'] | undefined): Check[] {
  const { settings, url } = sourcedSettings(flags, command);
  const look = async (): Promise<string> => {
    const source = await openSource(url.label, {
      environment: process.env,
      log: await createLogger('deploy-agent doctor', 'silent'),
    });
    const { releases } = await source.list(undefined, new AbortController().signal);
    const picked = selectRelease(releases, url.wants);
    if (picked.release !== undefined) return `${source.label} has ${picked.release.tag}`;
    const why = picked.reasons.join('; ');
    throw new DeployError('not-found', `${source.label} has no release to deploy: ${why}`, {
      hint: 'publish one, or ask for less in the URL',
    });
  };
  return [...hostChecks(flags, settings), { what: 'source', look }];
}
