import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { Author } from '../../meta/author.js';
import { type AuditLog, elapsedMs } from '../audit-log.js';

/** The author of a track's changes, in histories and the audit log. */
export function trackAuthor(component: string): Author {
  return { fingerprint: '', comment: `track ${component}`, user: 'track', address: '' };
}

/** An act of a track, as the command that an operator would use for it. */
export interface TrackAct {
  /** The component that the track is for. */
  readonly component: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Names of the components and configurations that the act changes. */
  readonly subjects: readonly string[];
}

export function actLine({ command, args }: TrackAct): string {
  return joinCommandLine([command, ...args]);
}

export interface AuditPorts {
  readonly audit: AuditLog;
  readonly log: Logger;
}

/** Runs `work` and records it in the audit log as the track's act, whether it succeeds or not. @throws what `work` throws. */
export async function auditedAct<T>(
  { audit, log }: AuditPorts,
  act: TrackAct,
  work: () => Promise<T>,
): Promise<T> {
  const { component, command, args, subjects } = act;
  const started = performance.now();
  const entry = () => ({
    ...trackAuthor(component),
    via: 'track',
    command,
    args,
    subjects,
    changes: true,
    durationMs: elapsedMs(started),
  });
  const trackLog = log.child({ component });
  try {
    const result = await work();
    await audit.append({ ...entry(), result: 'ok' }, trackLog);
    return result;
  } catch (error) {
    await audit.append({ ...entry(), result: 'failed', error: describeError(error) }, trackLog);
    throw error;
  }
}
