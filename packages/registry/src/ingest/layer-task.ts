import { type ThreadOutcome, threadOutcome } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { Ingested, IngestTask, LayerFiles, VerifiedLayer } from './layer-port.js';

/** The tasks of a thread by name, each with its input and its answer. */
export interface LayerTaskKinds {
  readonly ingest: { readonly given: IngestTask; readonly answer: Ingested };
  readonly verify: { readonly given: LayerFiles; readonly answer: VerifiedLayer };
}

/** One kind of task. */
export interface LayerTaskOf<Kind extends keyof LayerTaskKinds> {
  readonly kind: Kind;
  readonly given: LayerTaskKinds[Kind]['given'];
}

export type LayerTask = { [Kind in keyof LayerTaskKinds]: LayerTaskOf<Kind> }[keyof LayerTaskKinds];

/** The outcome of a task of this kind. */
export type LayerOutcome<Kind extends keyof LayerTaskKinds> = ThreadOutcome<LayerTaskKinds[Kind]['answer']>;

/** With a small young generation the peak of memory is 60 MB lower. */
const YOUNG_HEAP_MIB = 2;

/** Runs a task that reads a layer in a thread. @param heapMiB bounds the objects of the thread. */
export function runLayerTask<Kind extends keyof LayerTaskKinds>(
  task: LayerTaskOf<Kind>,
  heapMiB: number,
  signal: AbortSignal,
): Promise<LayerOutcome<Kind>> {
  const module = new URL('./layer-worker.js', import.meta.url);
  return threadOutcome(
    { module, task, heapMiB, youngHeapMiB: YOUNG_HEAP_MIB, name: 'the thread that reads archives' },
    signal,
  );
}
