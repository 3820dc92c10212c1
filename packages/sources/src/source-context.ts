import type { Logger } from '@deploy-tools/shared/log.js';
import type { Platform } from './select/platform.js';

export interface SourceContext {
  /** For credentials, as `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
  /** The platform of artifacts, unless the URL names one; undefined for this machine's. */
  readonly platform?: Platform | undefined;
  /** Absolute directories that `file://` sources have to be in, without symlinks below a source; undefined for anywhere. */
  readonly fileRoots?: readonly string[] | undefined;
  /** The longest wait for an answer or its next piece, in milliseconds. */
  readonly timeoutMs?: number | undefined;
}
