import { hash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { unpackFrame } from '@deploy-tools/shared/layers/frame.js';
import { setFileAttributes } from '../unpack/attributes.js';
import { CREATE_FILE, openPart, writeFully } from '../unpack/create-file.js';
import { writeError } from '../unpack/write-error.js';
import type { AssemblePlace } from './assemble-place.js';
import type { FileJob, WriteJob, WriteTarget } from './assemble-task.js';

/**
 * Unpacks and verifies fetched chunks and writes them where they belong.
 * @throws DeployError corrupt, before anything is written of a chunk that is not what its digest says.
 */
export function writeChunks(place: AssemblePlace, buffer: Uint8Array, jobs: readonly WriteJob[]): void {
  for (const job of jobs) {
    const content = unpackFrame(
      buffer.subarray(job.at, job.at + job.packedLength),
      job.length,
      place.scratch,
    );
    if (hash('sha256', content) !== job.digest) {
      throw new DeployError('corrupt', `what was fetched of chunk ${job.digest} is damaged`, {
        hint: 'run fsck on the registry',
      });
    }
    for (const target of job.targets) writeTo(place, target, content);
  }
}

function writeTo(place: AssemblePlace, target: WriteTarget, content: Uint8Array): void {
  const path = 'whole' in target ? target.whole.path : target.path;
  try {
    if ('whole' in target) writeWhole(place, target.whole, content);
    else writePart(place.at(path), target.offset, content);
  } catch (error) {
    throw writeError(path, error);
  }
}

/** Also makes empty files. */
export function writeWhole(place: AssemblePlace, file: FileJob, content: Uint8Array): void {
  const fd = openSync(place.at(file.path), CREATE_FILE, 0o600);
  try {
    writeFully(fd, content, 0);
    setFileAttributes(fd, file, place.ownership);
  } finally {
    closeSync(fd);
  }
}

function writePart(path: string | Buffer, offset: number, content: Uint8Array): void {
  const fd = openPart(path);
  try {
    writeFully(fd, content, offset);
  } finally {
    closeSync(fd);
  }
}
