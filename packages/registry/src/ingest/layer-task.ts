import type { PlainError } from '@deploy-tools/shared/plain-error.js';
import type { Ingested, IngestTask } from './ingest-task.js';
import type { LayerFiles } from './layer-files.js';
import type { VerifiedLayer } from './verify-layer.js';

/** What the thread can do, by name: what it is given, and what it answers with. */
export interface LayerTasks {
  readonly ingest: { readonly given: IngestTask; readonly answer: Ingested };
  readonly verify: { readonly given: LayerFiles; readonly answer: VerifiedLayer };
}

export type LayerTask = {
  [Kind in keyof LayerTasks]: { kind: Kind; given: LayerTasks[Kind]['given'] };
}[keyof LayerTasks];

/** The one answer of a thread. */
export type LayerReply<Kind extends keyof LayerTasks> =
  | { readonly kind: 'done'; readonly answer: LayerTasks[Kind]['answer'] }
  | { readonly kind: 'failed'; readonly error: PlainError };
