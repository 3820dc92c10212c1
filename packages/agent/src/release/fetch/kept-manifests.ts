import { hash } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { ManifestRoot, SegmentRef } from '@deploy-tools/shared/layers/manifest.js';
import { decodeManifestRoot } from '@deploy-tools/shared/layers/manifest-root.js';
import { HashDirectory } from '../../host/hash-directory.js';

const MAGIC = Buffer.from('DTKM\x01', 'latin1');
const HEAD = MAGIC.length + 4;

/** A manifest with the bytes of all its segments, every one verified. */
export interface KeptManifest {
  /** SHA-256 of the root. */
  readonly digest: string;
  readonly root: ManifestRoot;
  /** Uncompressed, by digest. */
  readonly segments: ReadonlyMap<string, Buffer>;
}

/** The segments of a manifest in the order of the pack and of the kept file. */
export function segmentsOf(root: ManifestRoot): SegmentRef[] {
  return [...root.entrySegments, ...root.timeSegments];
}

/**
 * A directory of manifests, one file each, named by digest: 5 bytes of magic and version, uint32 length of the root,
 * the root, then the bytes of its segments in order.
 */
export class KeptManifests extends HashDirectory {
  /** @returns undefined when there is no such file. @throws DeployError corrupt when the file is damaged. */
  load(digest: string): KeptManifest | undefined {
    const bytes = this.read(digest);
    return bytes === undefined ? undefined : parse(digest, bytes);
  }

  /** A crash leaves the file or none; power loss may leave a damaged one, which `load` finds out. */
  write(digest: string, root: Uint8Array, segments: readonly Uint8Array[]): void {
    const head = Buffer.alloc(HEAD);
    MAGIC.copy(head);
    head.writeUInt32BE(root.length, MAGIC.length);
    this.make();
    const path = this.path(digest);
    writeFileSync(`${path}.new`, Buffer.concat([head, root, ...segments]), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

function parse(digest: string, bytes: Buffer): KeptManifest {
  const rootLength = bytes.length < HEAD ? 0 : bytes.readUInt32BE(MAGIC.length);
  const rootBytes = bytes.subarray(HEAD, HEAD + rootLength);
  const isWhole = bytes.subarray(0, MAGIC.length).equals(MAGIC) && rootBytes.length === rootLength;
  if (!isWhole || hash('sha256', rootBytes) !== digest) throw damaged(digest);
  const root = decodeManifestRoot(rootBytes);
  const segments = new Map<string, Buffer>();
  let at = HEAD + rootLength;
  for (const segment of segmentsOf(root)) {
    const content = bytes.subarray(at, at + segment.length);
    if (hash('sha256', content) !== segment.digest) throw damaged(digest);
    segments.set(segment.digest, content);
    at += segment.length;
  }
  return { digest, root, segments };
}

function damaged(digest: string): DeployError {
  return new DeployError('corrupt', `the kept manifest ${digest} is damaged`);
}
