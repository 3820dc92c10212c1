import type { OpenedObject, OpenFrom } from './opened-object.js';

/** A file of a release, or a layer of an image. */
export interface Artifact {
  /** The file's name, without a directory. */
  readonly name: string;
  /** What `open` finds it by; means something to its source only, and no secret is in it. */
  readonly id: string;
  /** Bytes; undefined when the source does not say. */
  readonly size: number | undefined;
  /** `sha256:<hex>`, where the source itself vouches for the content. */
  readonly digest: string | undefined;
}

/** A release as its source has it, complete or not. */
export interface SourceRelease {
  /** As the source writes it: a tag, a directory's name. */
  readonly tag: string;
  /** The source marks it as not meant for everybody; a semantic version's own pre-release part is judged elsewhere. */
  readonly prerelease: boolean;
  /** RFC 3339; undefined when the source does not say. */
  readonly created: string | undefined;
  /** In an image: its layers, lowest first. */
  readonly artifacts: readonly Artifact[];
}

export interface Listing {
  readonly releases: readonly SourceRelease[];
  /** To be given to the next `list`; undefined where the source has no conditional requests. */
  readonly validator: string | undefined;
}

/** What a deployment from a source came to, for sources that take note of it (dewy's `shipped_to`). */
export interface ShippedReport {
  readonly tag: string;
  /** What was done with it, in dewy's words: a program was switched, or files were. */
  readonly command: 'server' | 'assets';
  readonly host: string;
  /** RFC 3339 UTC. */
  readonly time: string;
  /** Undefined after a success. */
  readonly error: string | undefined;
}

/**
 * A place that releases appear in. Nothing is kept between calls but connections; calls may run side by side.
 * The contract suite is test/contract/source-contract.ts.
 *
 * Errors of all: not-found, denied, connect, timeout, corrupt (an answer that cannot be understood), too-large, cancelled; with
 * `retryAfterMs` when the source asks for a delay (rate limits).
 */
export interface Source {
  /** Its URL, without secrets: for logs and people. */
  readonly label: string;
  /** `files`: one artifact of a release is wanted. `image`: all of them, as layers in order. */
  readonly kind: 'files' | 'image';
  /**
   * All releases, in any order, with as few requests as the source allows.
   * @param known what the last call gave; it is returned itself when the source says that nothing changed.
   */
  list(known: Listing | undefined, signal: AbortSignal): Promise<Listing>;
  /** The bytes of an artifact, as stored. */
  open(artifact: Artifact, from: OpenFrom, signal: AbortSignal): Promise<OpenedObject>;
  /** Writes a record of a deployment down at the source; undefined where it takes none. */
  readonly report?: (shipped: ShippedReport, signal: AbortSignal) => Promise<void>;
}
