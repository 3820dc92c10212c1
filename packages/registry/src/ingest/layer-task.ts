import type { ThreadOutcome } from '@deploy-tools/shared/thread/run-in-thread.js';
import type { Ingested, IngestTask, LayerFiles, VerifiedLayer } from './layer-port.js';

/** What the thread can do, by name: what it is given, and what it answers with. */
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
