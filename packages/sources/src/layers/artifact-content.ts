import { detectArchiveFormat, FORMAT_HEAD_BYTES } from '@deploy-tools/shared/archive/archive-format.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { artifactFormat } from '../select/artifact-format.js';

/** The content of an artifact by its bytes. The first three are layers as they are. */
export type ArtifactContent = 'tar' | 'tar.gz' | 'tar.zst' | 'tar.xz' | 'tar.bz2' | 'zip' | 'file';

/** Leading bytes that `artifactContent` needs, where the artifact has as many. */
export const CONTENT_HEAD_BYTES: number = FORMAT_HEAD_BYTES;

/** The leading bytes of each content; after bzip2's come its level and the mark of a block, or of the end. */
const MAGIC: readonly (readonly [hex: RegExp, ArtifactContent])[] = [
  [/^fd377a585a00/, 'tar.xz'],
  [/^425a683[1-9](314159265359|177245385090)/, 'tar.bz2'],
  [/^504b(0304|0506)/, 'zip'],
];
const MAGIC_BYTES = 10;

/**
 * Detects the content of an artifact. Its name decides whether it is an archive (`app.jar` is a file, though it is a zip);
 * its bytes decide of which kind.
 * @throws DeployError invalid, when the name promises an archive and the bytes are none.
 */
export function artifactContent(name: string, head: Uint8Array): ArtifactContent {
  const promised = artifactFormat(name);
  if (promised === 'other') return 'file';
  const found = archiveOf(Buffer.from(head.buffer, head.byteOffset, head.byteLength));
  if (found !== undefined) return found;
  if (promised === 'file') return 'file';
  throw new DeployError('invalid', `${name} is not an archive, although its name says so`, {
    hint: 'upload a tar.gz, tar.zst, tar.xz, tar.bz2, tar or zip file under that name',
  });
}

function archiveOf(head: Buffer): ArtifactContent | undefined {
  const start = head.toString('hex', 0, MAGIC_BYTES);
  const magic = MAGIC.find(([hex]) => hex.test(start));
  if (magic !== undefined) return magic[1];
  try {
    return detectArchiveFormat(head);
  } catch {
    return undefined;
  }
}
