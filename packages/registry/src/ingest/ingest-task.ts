import type { UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import type { LayerFiles, WrittenFile } from './layer-files.js';

export interface IngestTask {
  /** Absolute path of the archive. */
  readonly archive: string;
  /** What its content has to be. */
  readonly hash: string;
  readonly size: number;
  /** What an entry may be; setuid, setgid and sticky bits are kept whatever it says, for agents to decide. */
  readonly policy: UnpackPolicy;
  /** Earlier packs that may have the same chunks, the likeliest first. */
  readonly reuse: readonly LayerFiles[];
  /** Files to write, on the same file system; what is there is overwritten. */
  readonly into: LayerFiles;
}

export interface Ingested {
  readonly manifest: WrittenFile;
  readonly pack: WrittenFile;
  readonly entries: number;
  /** Sum of the sizes of all files. */
  readonly bytes: number;
  /** What somebody should look at, one sentence each: an earlier pack that is damaged. */
  readonly notes: readonly string[];
}
