import { errnoOf } from '@deploy-tools/shared/errors.js';
import { limitCheck } from './check-limit.js';
import { execCheck } from './exec-check.js';
import {
  type CheckAnswer,
  type CheckContext,
  type Finding,
  type HealthCheck,
  oneLine,
} from './health-check.js';
import { httpCheck } from './http-check.js';
import { type CheckTarget, openCheck } from './open-check.js';

/**
 * Runs a check once. Every error is an answer too.
 * @throws AbortError only.
 */
export async function runCheck(
  check: HealthCheck,
  context: CheckContext,
  signal: AbortSignal,
): Promise<CheckAnswer> {
  signal.throwIfAborted();
  const started = performance.now();
  const finding = await find(check, context, signal).catch((error: unknown): Finding => {
    signal.throwIfAborted();
    return { status: 'critical', answer: describeFailure(error) };
  });
  signal.throwIfAborted();
  const ms = Math.round(performance.now() - started);
  return { check, status: finding.status, answer: oneLine(finding.answer), ms };
}

function find(check: HealthCheck, context: CheckContext, signal: AbortSignal): Promise<Finding> {
  switch (check.kind) {
    case 'http':
      return httpCheck(check.url, context, signal);
    case 'tcp':
      return tcpCheck(check, context, signal);
    case 'exec':
      return execCheck(check.command, context, signal);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was closed before the answer was whole',
  ENOTFOUND: 'no such host',
  EHOSTUNREACH: 'no route to the host',
};

function describeFailure(error: unknown): string {
  const code = errnoOf(error);
  if (code !== undefined && REASONS[code] !== undefined) return REASONS[code];
  return error instanceof Error && error.message !== '' ? error.message : (code ?? String(error));
}

/** Passes when a connection opens; sends nothing. @throws Error with the reason why it did not. */
function tcpCheck(
  target: CheckTarget,
  { timeoutMs, program }: Pick<CheckContext, 'timeoutMs' | 'program'>,
  signal: AbortSignal,
): Promise<Finding> {
  return limitCheck(timeoutMs, signal, async (limit) => {
    const socket = await openCheck(target, program, limit);
    socket.on('error', () => {}); // opening it was the whole check
    socket.end();
    socket.resume();
    return { status: 'passing', answer: 'connected' };
  });
}
