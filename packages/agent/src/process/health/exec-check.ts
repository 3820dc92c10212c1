import { formatDuration } from '@deploy-tools/shared/duration.js';
import { LogTail } from '../script/log-tail.js';
import { type GroupEnd, runInGroup, stillRuns } from '../script/run-in-group.js';
import { type CheckContext, type Finding, MAX_ANSWER } from './health-check.js';

/** Between TERM and KILL for a check without an answer. */
const KILL_AFTER_MS = 2000;

/**
 * Runs a command line with /bin/sh: exit status 0 passes, `warnStatus` warns, all else is critical. The answer is the end of its
 * output.
 * @param signal kills the command at once, since a cancelled deployment waits for no check.
 */
export async function execCheck(
  command: string,
  context: CheckContext,
  signal: AbortSignal,
): Promise<Finding> {
  const tail = new LogTail({ maxLines: 3, maxBytes: 2 * MAX_ANSWER });
  const end = await runInGroup({
    program: '/bin/sh',
    args: ['-c', command],
    ...(context.cwd === undefined ? {} : { cwd: context.cwd }),
    environment: context.environment,
    as: context.as,
    timeoutMs: context.timeoutMs,
    killAfterMs: KILL_AFTER_MS,
    signal,
    isKilledOnAbort: true,
    onLine: (_stream, line) => tail.push(line),
  });
  const how = describeEnd(end, context.timeoutMs);
  const printed = tail.text().trim();
  return { status: statusOf(end, context.warnStatus), answer: printed === '' ? how : `${how}: ${printed}` };
}

function statusOf({ code, stopped }: GroupEnd, warnStatus: number | undefined): Finding['status'] {
  if (stopped !== undefined || code === null) return 'critical';
  if (code === 0) return 'passing';
  return code === warnStatus ? 'warning' : 'critical';
}

function describeEnd({ code, signal, stopped, survivor }: GroupEnd, timeoutMs: number): string {
  const late = `no answer within ${formatDuration(Math.ceil(timeoutMs))}`;
  if (survivor !== undefined) return `${late}, and ${stillRuns(survivor)}`;
  if (stopped !== undefined) return late;
  return signal === null ? `exit status ${code}` : `killed by ${signal}`;
}
