import { statSync } from 'node:fs';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { HashDirectory } from '../../host/hash-directory.js';
import { decodeReleaseRecord, encodeReleaseRecord, type ReleaseRecord } from './release-record.js';

/** A directory of records, one file for each release, named by its configuration hash. */
export class ReleaseRecords {
  readonly #files: HashDirectory;

  constructor(dir: string) {
    this.#files = new HashDirectory(dir);
  }

  /** Configuration hashes, those recorded last first. */
  list(): string[] {
    const hashes = this.#files.list();
    const times = new Map(hashes.map((hash) => [hash, statSync(this.#files.path(hash)).mtimeMs]));
    return hashes.sort((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0));
  }

  /** @returns undefined when there is none. @throws DeployError corrupt. */
  read(hash: string): ReleaseRecord | undefined {
    const bytes = this.#files.read(hash);
    return bytes === undefined ? undefined : decodeReleaseRecord(bytes);
  }

  write(hash: string, record: ReleaseRecord): void {
    this.#files.make();
    writeFileAtomic(this.#files.path(hash), encodeReleaseRecord(record), 0o600);
  }

  remove(hash: string): void {
    this.#files.remove(hash);
  }

  /** Removes the records of releases that are gone, and what a crash left. */
  prune(existing: ReadonlySet<string>): void {
    this.#files.prune(existing);
  }
}
