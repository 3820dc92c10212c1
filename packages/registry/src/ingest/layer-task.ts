import type { ThreadOutcome } from '@deploy-tools/shared/thread/run-in-thread.js';
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

/** How a task of this kind ended. */
export type LayerOutcome<Kind extends keyof LayerTaskKinds> = ThreadOutcome<LayerTaskKinds[Kind]['answer']>;
