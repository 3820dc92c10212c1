import type { ByteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { PlainError } from '@deploy-tools/shared/plain-error.js';
import type { SyncCounts } from './sync-request.js';

/** What the thread is to do: make a directory like another. */
export interface MirrorTask {
  readonly from: string;
  /** A directory that is there. */
  readonly to: string;
  /** See filter-rules.ts. */
  readonly rules: readonly ByteName[];
  readonly rootMode: number;
  readonly compare: 'times' | 'content';
  readonly verbose: boolean;
}

/** What it says: lines, then one answer before it ends. */
export type MirrorReply =
  | { readonly kind: 'line'; readonly line: string }
  | { readonly kind: 'done'; readonly counts: SyncCounts }
  | { readonly kind: 'failed'; readonly error: PlainError };
