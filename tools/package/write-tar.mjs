import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { create } from 'tar';
import { must } from './must.mjs';

/**
 * Packs a directory; the same files give the same bytes: sorted, root's, of one time, with modes that no umask changes.
 * @param dir what is in it is packed. @param root what names begin with: `./` or a directory's name.
 * @param to a file whose name ends in `.tar.gz` or `.tar.xz`. @param time of all files.
 */
export async function writeTar({ dir, root, to, time }) {
  const isXz = to.endsWith('.xz');
  const file = isXz ? to.slice(0, -'.xz'.length) : to;
  const options = { file, cwd: dir, prefix: root, mtime: time, noPax: true, noDirRecurse: true };
  await create({ ...options, gzip: isXz ? false : { level: 9 }, onWriteEntry: makeRoots }, pathsOf(dir, '.'));
  if (isXz) must('xz', ['-6', '--threads=1', '--force', file]);
}

/** In the order of their names. @returns paths below `dir`, which is the first. */
function pathsOf(dir, path) {
  if (!lstatSync(join(dir, path)).isDirectory()) return [path];
  const children = readdirSync(join(dir, path)).sort();
  return [path, ...children.flatMap((child) => pathsOf(dir, join(path, child)))];
}

function makeRoots(entry) {
  const { stat } = entry;
  const mode = stat.isDirectory() || (stat.mode & 0o100) !== 0 ? 0o755 : 0o644;
  Object.assign(stat, {
    uid: 0,
    gid: 0,
    atime: undefined,
    ctime: undefined,
    mode: (stat.mode & ~0o7777) | mode,
  });
  entry.myuid = 0;
  entry.myuser = ''; // no name for the number, as the group has none
}
