import { statSync } from 'node:fs';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { HashDirectory } from '../../host/hash-directory.js';
import { decodeReleaseRecord, encodeReleaseRecord, type ReleaseRecord } from './release-record.js';

/** A directory of records, one file for each release, named by its configuration hash. */
export class ReleaseRecords extends HashDirectory {
  /** Configuration hashes, the newest record first. */
  newestFirst(): string[] {
    const hashes = this.list();
    const times = new Map(hashes.map((hash) => [hash, statSync(this.path(hash)).mtimeMs]));
    return hashes.sort((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0));
  }

  /** @returns undefined when there is no record. @throws DeployError corrupt. */
  load(hash: string): ReleaseRecord | undefined {
    const bytes = this.read(hash);
    return bytes === undefined ? undefined : decodeReleaseRecord(bytes);
  }

  write(hash: string, record: ReleaseRecord): void {
    this.make();
    writeFileAtomic(this.path(hash), encodeReleaseRecord(record), 0o600);
  }
}
