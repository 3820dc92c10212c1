import { hash } from 'node:crypto';
import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { unpackFrame } from '@deploy-tools/shared/layers/frame.js';
import { MAX_ROOT, type SegmentRef } from '@deploy-tools/shared/layers/manifest.js';
import { decodeManifestRoot } from '@deploy-tools/shared/layers/manifest-root.js';
import { type KeptManifest, segmentsOf } from './kept-manifests.js';
import type { PackFiles } from './pack-files.js';

/** Bytes between two segments that are fetched and thrown away rather than asked around. */
const MAX_GAP = 4096;
/** Most bytes of segments in flight at once. */
const MAX_STRETCH = 4 * 1024 * 1024;

export interface FetchedManifest extends KeptManifest {
  /** The bytes of the root. */
  readonly bytes: Buffer;
  /** Bytes that were fetched for it. */
  readonly fetched: number;
}

/**
 * Fetches a manifest: its root, and of its segments those that are not known.
 * @param known gives segments by digest, verified; asked once the root is here.
 * @throws DeployError not-found, unsupported, corrupt: the archive will do instead; connect.
 */
export async function fetchManifest(
  source: { readonly sftp: SftpClient; readonly packs: PackFiles },
  digest: string,
  known: () => ReadonlyMap<string, Buffer>,
): Promise<FetchedManifest> {
  const bytes = await source.sftp.readFile(`manifests/${digest}`, MAX_ROOT);
  if (hash('sha256', bytes) !== digest) throw mismatch(`the manifest ${digest}`);
  const root = decodeManifestRoot(bytes);
  source.packs.prepare(root.pack.hash);
  const here = known();
  const segments = new Map<string, Buffer>();
  const missing = new Map<number, SegmentRef>();
  for (const segment of segmentsOf(root)) {
    const content = here.get(segment.digest);
    if (content === undefined) missing.set(segment.offset, segment);
    else segments.set(segment.digest, content);
  }
  const stretches = stretchesOf([...missing.values()]);
  const readInto = (bytes: Buffer, from: number) => source.packs.readInto(root.pack.hash, bytes, from);
  for (const stretch of stretches) await fetchStretch(stretch, { pack: root.pack.hash, readInto }, segments);
  const fetched = stretches.reduce((sum, stretch) => sum + stretch.length, bytes.length);
  return { digest, root, segments, bytes, fetched };
}

/** Neighbouring segments that are read together. */
interface Stretch {
  readonly length: number;
  readonly ranges: readonly { readonly from: number; readonly to: number; readonly segments: SegmentRef[] }[];
}

/** @param missing in the order of the pack. */
function stretchesOf(missing: readonly SegmentRef[]): Stretch[] {
  const stretches: { length: number; ranges: { from: number; to: number; segments: SegmentRef[] }[] }[] = [];
  for (const segment of missing) {
    const to = segment.offset + segment.packedLength;
    const stretch = stretches.at(-1);
    const range = stretch?.ranges.at(-1);
    if (stretch === undefined || stretch.length + segment.packedLength > MAX_STRETCH) {
      stretches.push({
        length: segment.packedLength,
        ranges: [{ from: segment.offset, to, segments: [segment] }],
      });
    } else if (range !== undefined && segment.offset - range.to <= MAX_GAP) {
      stretch.length += to - range.to;
      range.to = to;
      range.segments.push(segment);
    } else {
      stretch.length += segment.packedLength;
      stretch.ranges.push({ from: segment.offset, to, segments: [segment] });
    }
  }
  return stretches;
}

interface PackReader {
  /** Its hash. */
  readonly pack: string;
  readonly readInto: (bytes: Buffer, from: number) => Promise<void>;
}

/** Fetches all ranges of a stretch at once. */
async function fetchStretch(
  stretch: Stretch,
  { pack, readInto }: PackReader,
  into: Map<string, Buffer>,
): Promise<void> {
  const read = async ({ from, to, segments }: Stretch['ranges'][number]) => {
    const bytes = Buffer.allocUnsafe(to - from);
    await readInto(bytes, from);
    for (const segment of segments) {
      const at = segment.offset - from;
      const content = unpackFrame(bytes.subarray(at, at + segment.packedLength), segment.length);
      if (hash('sha256', content) !== segment.digest) throw mismatch(`a segment in the pack ${pack}`);
      into.set(segment.digest, content);
    }
  };
  await Promise.all(stretch.ranges.map(read));
}

function mismatch(what: string): DeployError {
  return new DeployError('corrupt', `${what} does not have its hash`, {
    hint: 'run fsck on the registry',
  });
}
