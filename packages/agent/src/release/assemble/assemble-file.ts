import { hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { fsPath } from '@deploy-tools/shared/archive/byte-name.js';
import type { ChunkSource } from '../plan/content-index.js';
import { setFileAttributes } from '../unpack/attributes.js';
import { openPart, writeFully } from '../unpack/create-file.js';
import type { AssemblePlace } from './assemble-place.js';
import type { AssembleJob, PieceJob } from './assemble-task.js';
import { lookAt } from './file-stamp.js';

/** Flags of open(2): never through a symlink, and without waiting for the other end of a FIFO. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Makes files of chunks that may be on disk, each verified by its digest as it is read. */
export class FileAssembler {
  readonly #place: AssemblePlace;
  /** The source that was read last, since most chunks of a file come from one source. */
  #source: { readonly root: number; readonly path: string; readonly fd: number } | undefined;

  constructor(place: AssemblePlace) {
    this.#place = place;
  }

  /** @returns numbers of the pieces that were not found. The file is made when at least one was. */
  assemble(job: AssembleJob): number[] {
    const missing: number[] = [];
    let fd: number | undefined;
    try {
      for (const [number, piece] of job.pieces.entries()) {
        const found = this.#find(piece);
        if (found === undefined) {
          missing.push(number);
          continue;
        }
        fd ??= openPart(this.#place.at(job.path));
        writeFully(fd, found, piece.offset);
      }
      const complete = job.whole && missing.length === 0;
      if (complete && fd !== undefined) setFileAttributes(fd, job, this.#place.ownership);
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
    return missing;
  }

  close(): void {
    if (this.#source !== undefined && this.#source.fd >= 0) closeSync(this.#source.fd);
    this.#source = undefined;
  }

  #find({ sources, length, digest }: PieceJob): Buffer | undefined {
    const content = this.#place.scratch.subarray(0, length);
    return sources.some((source) => this.#read(source, content) && hash('sha256', content) === digest)
      ? content
      : undefined;
  }

  #read(source: ChunkSource, into: Buffer): boolean {
    const fd = this.#open(source);
    if (fd < 0) return false;
    try {
      return readSync(fd, into, 0, into.length, source.offset) === into.length;
    } catch {
      return false; // a disk that cannot be read any more: fetching helps
    }
  }

  /** @returns -1 when it is not a file that can be read. */
  #open({ root, path }: ChunkSource): number {
    if (this.#source?.root === root && this.#source.path === path) return this.#source.fd;
    this.close();
    this.#source = { root, path, fd: openSource(fsPath(`${this.#place.roots[root]?.path ?? ''}/${path}`)) };
    return this.#source.fd;
  }
}

function openSource(path: string | Buffer): number {
  if (lookAt(path)?.isFile() !== true) return -1;
  try {
    return openSync(path, READ);
  } catch {
    return -1;
  }
}
