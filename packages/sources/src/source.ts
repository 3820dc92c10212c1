import type { OpenedObject, OpenFrom } from './opened-object.js';

/** A file of a release, or a layer of an image. */
export interface Artifact {
  /** The file's name, without a directory. */
  readonly name: string;
  /** The key for `open`, in the source's own form; contains no secret. */
  readonly id: string;
  /** In bytes; undefined when the source does not give it. */
  readonly size: number | undefined;
  /** `sha256:<hex>`, where the source itself vouches for the content. */
  readonly digest: string | undefined;
}

/** A release at its source, complete or not. */
export interface SourceRelease {
  /** The source's own name for it: a tag, a directory's name. */
  readonly tag: string;
  /** Whether the source marks it as a pre-release; its version may say so too. */
  readonly prerelease: boolean;
  /** RFC 3339; undefined when the source does not give it. */
  readonly created: string | undefined;
  /** For an image its layers, lowest first. */
  readonly artifacts: readonly Artifact[];
}

export interface Listing {
  readonly releases: readonly SourceRelease[];
  /** For the next `list`; undefined where the source has no conditional requests. */
  readonly validator: string | undefined;
}

/** The result of a deployment, for sources that record it (dewy's `shipped_to`). */
export interface ShippedReport {
  readonly tag: string;
  /** In dewy's words: whether a program or files were deployed. */
  readonly command: 'server' | 'assets';
  readonly host: string;
  /** RFC 3339 UTC. */
  readonly time: string;
  /** Undefined after a success. */
  readonly error: string | undefined;
}

/**
 * A place where releases appear. It keeps nothing between calls but connections; calls may be concurrent. The contract suite is
 * test/contract/source-contract.ts.
 *
 * All methods throw DeployErrors: not-found, denied, connect, timeout, corrupt (a malformed answer), too-large, cancelled;
 * with `retryAfterMs` when the source asks for a delay (rate limits).
 */
export interface Source {
  /** Its URL without secrets, for messages. */
  readonly label: string;
  /** `files`: one artifact of a release is wanted. `image`: all of them, as layers in order. */
  readonly kind: 'files' | 'image';
  /**
   * Lists all releases, in any order, with as few requests as the source allows.
   * @param known the last listing, which is returned itself when nothing has changed.
   */
  list(known: Listing | undefined, signal: AbortSignal): Promise<Listing>;
  /** The bytes of an artifact, as stored. */
  open(artifact: Artifact, from: OpenFrom, signal: AbortSignal): Promise<OpenedObject>;
  /** Records a deployment at the source; undefined where it takes no records. */
  readonly report?: (shipped: ShippedReport, signal: AbortSignal) => Promise<void>;
}
