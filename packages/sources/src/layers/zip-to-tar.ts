import type { EntryPolicy, SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import { TAR_END, type TarMember, tarHeader, tarPadding } from '@deploy-tools/shared/archive/tar-blocks.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { zipEntries } from './zip-entries.js';

/**
 * Converts a zip file into a tar stream: the same zip file always gives the same bytes. The policy admits each member
 * before it is written.
 * @param size of the zip file in bytes.
 * @throws DeployError corrupt, invalid, unsafe, too-large.
 */
export async function* zipToTar(path: string, size: number, policy: EntryPolicy): AsyncGenerator<Uint8Array> {
  let members = 0;
  let decompressed = 0;
  for await (const { entry, read } of zipEntries(path)) {
    const member = memberOf(policy.admit(entry));
    if (member === undefined) continue;
    members += 1;
    yield tarHeader(member);
    if (member.type !== 'file') continue;
    for await (const chunk of read()) {
      decompressed += chunk.length;
      policy.countBytes(chunk.length, { decompressed, compressed: size });
      yield chunk;
    }
    yield tarPadding(member.size);
  }
  if (members === 0) throw new DeployError('invalid', 'the zip file is empty');
  yield TAR_END;
}

/** @returns undefined for the root, which needs no member. */
function memberOf(entry: SafeEntry): TarMember | undefined {
  const { type, path, linkTarget, mode, size, mtimeSeconds, mtimeNanoseconds } = entry;
  if (path === '') return undefined;
  if (type !== 'file' && type !== 'directory' && type !== 'symlink') {
    throw new DeployError('unsafe', `a ${type} in a zip file is not taken`);
  }
  return { type, path, linkTarget, mode, uid: 0, gid: 0, size, mtimeSeconds, mtimeNanoseconds };
}
