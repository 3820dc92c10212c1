import { createReadStream } from 'node:fs';
import { byteName } from '@deploy-tools/shared/archive/byte-name.js';
import type { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { TAR_END, type TarMember, tarHeader, tarPadding } from '@deploy-tools/shared/archive/tar-blocks.js';

const READ_BYTES = 256 * 1024;
const PROGRAM_MODE = 0o755;

/**
 * Makes a tar stream of one file, as a program: mode 0755, and time 0, so that the same file always gives the same bytes.
 * @param name of the file in the release.
 * @throws DeployError unsafe, invalid, too-large, when the policy does not admit it.
 */
export async function* fileToTar(
  path: string,
  name: string,
  size: number,
  policy: EntryPolicy,
): AsyncGenerator<Uint8Array> {
  const member: TarMember = {
    type: 'file',
    path: byteName(name),
    linkTarget: '',
    mode: PROGRAM_MODE,
    size,
    uid: 0,
    gid: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
  };
  policy.admit({ ...member, name: member.path, linkName: '', deviceMajor: 0, deviceMinor: 0 });
  yield tarHeader(member);
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) yield chunk as Buffer;
  yield tarPadding(size);
  yield TAR_END;
}
