import type { ThreadOutcome } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { Ingested, IngestTask } from './ingest-task.js';
import type { LayerFiles } from './layer-files.js';
import type { VerifiedLayer } from './verify-layer.js';

/** What the thread can do, by name: what it is given, and what it answers with. */
export interface LayerTasks {
  readonly ingest: { readonly given: IngestTask; readonly answer: Ingested };
  readonly verify: { readonly given: LayerFiles; readonly answer: VerifiedLayer };
}

/** One kind of task. */
export interface LayerTaskOf<Kind extends keyof LayerTasks> {
  readonly kind: Kind;
  readonly given: LayerTasks[Kind]['given'];
}

export type LayerTask = { [Kind in keyof LayerTasks]: LayerTaskOf<Kind> }[keyof LayerTasks];

/** How a task of this kind ended. */
export type LayerOutcome<Kind extends keyof LayerTasks> = ThreadOutcome<LayerTasks[Kind]['answer']>;
