import { fork } from 'node:child_process';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import { toSentError } from '@deploy-tools/shared/thread/sent-error.js';
import type { LayerOutcome, LayerTaskKinds, LayerTaskOf } from './layer-task.js';

/** The one task of a process, as it is sent to it. */
export interface ProcessTask {
  readonly task: LayerTaskOf<keyof LayerTaskKinds>;
  /** For the objects of its thread, in MiB. */
  readonly heapMiB: number;
  /** For the whole process in bytes, with the memory outside of V8's heap. */
  readonly maxBytes: number;
}

/** Memory for stacks, code and buffers besides the objects of the thread. */
const BESIDES_HEAP_MIB = 384;

/**
 * Runs a task like runLayerTask, in a separate process: its memory is not the registry's, and the kernel can kill it alone. The
 * process gets no environment variables.
 */
export function runInProcess<Kind extends keyof LayerTaskKinds>(
  task: LayerTaskOf<Kind>,
  heapMiB: number,
  signal: AbortSignal,
): Promise<LayerOutcome<Kind>> {
  // `detached`: an interrupt on a terminal reaches the registry alone, which ends this process.
  const child = fork(new URL('./layer-process-worker.js', import.meta.url), {
    execArgv: [],
    env: {},
    detached: true,
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const abort = (): void => {
    child.kill('SIGKILL');
  };
  signal.addEventListener('abort', abort, { once: true });
  return new Promise<LayerOutcome<Kind>>((resolve) => {
    let outcome: LayerOutcome<Kind> | undefined;
    child.once('message', (reply) => {
      outcome = reply as LayerOutcome<Kind>;
    });
    child.once('error', (error) => resolve(outcome ?? failed(`cannot be run: ${describeError(error)}`)));
    // The kernel or V8 kills a process that is short of memory.
    child.once('exit', (status, killedBy) =>
      resolve(
        outcome ??
          (killedBy === null ? failed(`ended with exit status ${status}`) : { kind: 'out-of-memory' }),
      ),
    );
    const given: ProcessTask = { task, heapMiB, maxBytes: (heapMiB + BESIDES_HEAP_MIB) * 1024 ** 2 };
    child.send(given, () => undefined); // a failed start is reported by `error`
  }).finally(() => signal.removeEventListener('abort', abort));
}

function failed(what: string): LayerOutcome<never> {
  return {
    kind: 'failed',
    error: toSentError(new DeployError('internal', `the process that reads archives ${what}`)),
  };
}
