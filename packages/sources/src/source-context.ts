import type { Logger } from '@deploy-tools/shared/log.js';
import type { Platform } from './select/platform.js';

/** What a source works with, besides its URL. */
export interface SourceContext {
  /** Where credentials are looked for, as in `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  /** What artifacts are for, where the URL does not say; this machine's when undefined. */
  readonly platform?: Platform | undefined;
  /**
   * Directories below which alone `file://` sources are read, absolute; no symlink below a source is followed then.
   * Anywhere when undefined.
   */
  readonly fileRoots?: readonly string[] | undefined;
  /** How long a place may say nothing, in milliseconds; a minute when undefined. */
  readonly timeoutMs?: number | undefined;
}
