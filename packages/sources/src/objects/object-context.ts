import type { OpenedObject, OpenFrom } from '../opened-object.js';

/** What all kinds of URLs are opened with. */
export interface ObjectContext {
  /** Where endpoints are looked up. Google's and Amazon's own libraries look at the process's for credentials. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Until an answer begins. */
  readonly headerTimeoutMs: number;
  /** Between two pieces of a body. */
  readonly idleTimeoutMs: number;
}

/** Opens the URLs of one kind; see OpenUrl for what it promises. */
export type OpenKind = (url: URL, from: OpenFrom, signal: AbortSignal) => Promise<OpenedObject>;
