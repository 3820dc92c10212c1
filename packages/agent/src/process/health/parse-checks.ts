import { parseAddress } from '@deploy-tools/shared/client/address.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { HealthCheck } from './health-check.js';

interface CheckTexts {
  readonly http: readonly string[];
  readonly tcp: readonly string[];
  readonly exec: readonly string[];
}

/**
 * Parses all configured checks.
 * @throws DeployError usage, naming the flag and its value.
 */
export function parseChecks({ http, tcp, exec }: CheckTexts): HealthCheck[] {
  return [...http.map(parseHttpCheck), ...tcp.map(parseTcpCheck), ...exec.map(parseExecCheck)];
}

/**
 * Parses an absolute http or https URL. Refuses user name and password in it, which would be in every log.
 * @throws DeployError usage.
 */
export function parseHttpCheck(text: string): HealthCheck {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw invalid('http', text, 'write it as http://localhost:8080/health');
  if (url.username !== '' || url.password !== '')
    throw invalid('http', `${url.origin}${url.pathname}`, 'leave the name and the password out of the URL');
  if (url.port === '0') throw invalid('http', text, 'give the port that the program listens on');
  url.hash = '';
  return { kind: 'http', url: url.href };
}

/** @throws DeployError usage. */
export function parseTcpCheck(text: string): HealthCheck {
  const hint = 'write it as HOST:PORT or [IPV6]:PORT';
  if (!/:\d{1,5}$/.test(text) || /^[^[]*:.*:/.test(text)) throw invalid('tcp', text, hint);
  try {
    return { kind: 'tcp', ...parseAddress(text) };
  } catch (error) {
    throw invalid('tcp', text, { hint, cause: error });
  }
}

/** @throws DeployError usage. */
export function parseExecCheck(text: string): HealthCheck {
  if (text.trim() === '' || text.includes('\0')) throw invalid('exec', text, 'give a command for /bin/sh');
  return { kind: 'exec', command: text };
}

interface ErrorReason {
  readonly hint: string;
  readonly cause: unknown;
}

function invalid(flag: string, text: string, options: string | ErrorReason): DeployError {
  const reason = typeof options === 'string' ? { hint: options } : options;
  return new DeployError('usage', `invalid value "${text}" for flag -health-${flag}`, reason);
}
