import type { PlainError } from '@deploy-tools/shared/plain-error.js';
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

/** The one answer of a thread. */
export type LayerReply<Kind extends keyof LayerTasks> =
  | { readonly kind: 'done'; readonly answer: LayerTasks[Kind]['answer'] }
  | { readonly kind: 'failed'; readonly error: PlainError };

/** How a task ended, whether its thread could answer or not. */
export type LayerOutcome<Kind extends keyof LayerTasks> = LayerReply<Kind> | OutOfMemory;

/** The task would take more memory than it may have. */
export interface OutOfMemory {
  readonly kind: 'out-of-memory';
}
