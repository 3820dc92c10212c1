import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Author } from '../../meta/author.js';
import type { Registry } from '../registry.js';

/** Who makes a track's changes, in histories and the audit log. */
export function trackAuthor(component: string): Author {
  return { fingerprint: '', comment: `track ${component}`, user: 'track', address: '' };
}

/** One thing that a track does, in the words of the command that would do it. */
export interface TrackAct {
  readonly component: string;
  readonly command: string;
  readonly args: readonly string[];
  /** What it is about. */
  readonly subjects: readonly string[];
}

export function actLine({ command, args }: TrackAct): string {
  return joinCommandLine([command, ...args]);
}

/** Does it and writes it into the audit log as the track's, whatever comes of it. @throws what `work` throws. */
export async function auditedAct<T>(registry: Registry, act: TrackAct, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    const result = await work();
    await append(registry, act, started, undefined);
    return result;
  } catch (error) {
    await append(registry, act, started, error);
    throw error;
  }
}

async function append(registry: Registry, act: TrackAct, started: number, error: unknown): Promise<void> {
  const { component, command, args, subjects } = act;
  const durationMs = Math.round((performance.now() - started) * 10) / 10;
  const time = registry.clock().toISOString();
  await registry.meta
    .write((tx) =>
      tx.appendAudit({
        ...{
          ...trackAuthor(component),
          time,
          via: 'track',
          command,
          args,
          subjects,
          changes: true,
          durationMs,
        },
        ...(error === undefined
          ? { result: 'ok' as const }
          : { result: 'failed' as const, error: describeError(error) }),
      }),
    )
    .catch((failure: unknown) =>
      registry.log.error({ component, err: describeError(failure) }, 'the audit log cannot be written'),
    );
}
