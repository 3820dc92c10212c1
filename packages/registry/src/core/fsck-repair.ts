import { describeError } from '@deploy-tools/shared/errors.js';
import type { ByteStore } from '../layers/byte-store.js';
import type { DerivedStore } from '../layers/derived-store.js';
import type { MetaStore } from '../meta/meta-store.js';
import type { Problem } from './fsck-problems.js';
import type { Indexer } from './indexer.js';

export interface RepairPorts {
  readonly meta: MetaStore;
  readonly bytes: ByteStore;
  readonly derived: DerivedStore;
  readonly indexer: Pick<Indexer, 'drop' | 'renew'>;
}

/** What a problem is about: a file, and the archive that it is or was made of. */
interface Subject {
  readonly hash: string;
  readonly archive: string;
}

/** Repairs what fsck finds. */
export class FsckRepair {
  readonly #ports: RepairPorts;
  readonly #goodUploads: ReadonlySet<string>;

  /** @param goodUploads hashes of uploads whose content matches; may grow meanwhile. */
  constructor(ports: RepairPorts, goodUploads: ReadonlySet<string>) {
    this.#ports = ports;
    this.#goodUploads = goodUploads;
  }

  /** Does what the problem's row in PROBLEMS says. @returns why it could not be done; undefined when it was. */
  async repair(problem: Problem, subject: Subject): Promise<string | undefined> {
    try {
      switch (problem) {
        case 'archive missing':
        case 'archive damaged':
          return await this.#replaceArchive(subject.hash);
        case 'upload missing':
        case 'upload damaged':
          return await this.#removeUpload(subject.hash, problem === 'upload missing');
        case 'nothing names it':
          return await this.#removeUnnamed(subject.hash);
        default:
          return await this.#indexAgain(subject.archive);
      }
    } catch (error) {
      return describeError(error);
    }
  }

  async #replaceArchive(hash: string): Promise<string | undefined> {
    const { meta, bytes } = this.#ports;
    return meta.write(async (tx) => {
      if (!this.#goodUploads.has(hash) || !(await tx.hasUpload(hash))) {
        return 'upload the same file again, then run fsck -repair';
      }
      await bytes.remove(hash);
      await bytes.promote(hash);
      return undefined;
    });
  }

  async #removeUpload(hash: string, missing: boolean): Promise<undefined> {
    const { meta, bytes, indexer } = this.#ports;
    await meta.write(async (tx) => {
      if (missing && (await bytes.locate('upload', hash)) !== undefined) return; // uploaded again meanwhile
      indexer.drop(hash);
      await tx.deleteUpload(hash);
      await bytes.removeUpload(hash);
    });
  }

  async #removeUnnamed(hash: string): Promise<undefined> {
    const { meta, bytes, derived } = this.#ports;
    await meta.write(async (tx) => {
      if (!(await tx.isArchiveUsed(hash)) && !(await tx.hasUpload(hash))) await bytes.remove(hash);
      if (await tx.isIndexFileUsed(hash)) return;
      for (const kind of ['manifest', 'pack'] as const) await derived.remove(kind, hash);
    });
  }

  async #indexAgain(archive: string): Promise<string | undefined> {
    const index = await this.#ports.indexer.renew(archive, 'awaited');
    return index.kind === 'indexed' ? undefined : index.reason.message;
  }
}
