import { hostname } from 'node:os';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { checkHostName } from '@deploy-tools/shared/names.js';
import type { Hello } from '@deploy-tools/shared/report/report.js';
import { programVersion } from '@deploy-tools/shared/version.js';

/** The registry's bound. */
const MAX_LABELS = 32;
const LABEL = /^([A-Za-z0-9][A-Za-z0-9._+/:-]{0,63})=(.{0,256})$/su;

/**
 * The host name, version and labels that this agent reports.
 * @param host the value of `-host`; this host's own name without.
 * @param labels the values of `-label`, each KEY=VALUE; a later one replaces an earlier one of the same key.
 * @throws DeployError usage.
 */
export function reportIdentity(host: string | undefined, labels: readonly string[]): Omit<Hello, 'configs'> {
  return { host: hostOf(host), agent: programVersion(), labels: labelsOf(labels) };
}

function hostOf(given: string | undefined): string {
  try {
    return checkHostName(given ?? hostname());
  } catch (error) {
    throw new DeployError('usage', `-host: ${describeError(error)}`, { cause: error });
  }
}

function labelsOf(labels: readonly string[]): Record<string, string> {
  const pairs = labels.map((text) => {
    const [, key, value] = LABEL.exec(text) ?? [];
    if (key !== undefined && value !== undefined) return [key, value] as const;
    throw new DeployError('usage', `invalid value "${text}" for flag -label`, {
      hint: 'write it as KEY=VALUE, the key of letters, digits and . _ + / : -',
    });
  });
  const unique = Object.fromEntries(pairs);
  if (Object.keys(unique).length > MAX_LABELS)
    throw new DeployError('usage', `there are more than ${MAX_LABELS} labels`);
  return unique;
}
