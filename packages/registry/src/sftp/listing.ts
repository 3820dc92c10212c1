import type { Attrs, NameEntry } from '@deploy-tools/shared/sftp/protocol.js';

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

export function directoryAttrs(mode: number, mtime: number): Attrs {
  return { size: 0, uid: 0, gid: 0, mode: S_IFDIR | mode, mtime };
}

export function fileAttrs(mode: number, size: number, mtime: number): Attrs {
  return { size, uid: 0, gid: 0, mode: S_IFREG | mode, mtime };
}

/** Makes a directory entry with its line of `ls -l`. */
export function nameEntry(filename: string, attrs: Attrs): NameEntry {
  const mode = attrs.mode ?? 0;
  const type = (mode & S_IFDIR) !== 0 && (mode & S_IFREG) !== S_IFREG ? 'd' : '-';
  const bits = [...'rwxrwxrwx'].map((bit, index) => ((mode >> (8 - index)) & 1 ? bit : '-')).join('');
  const time = new Date((attrs.mtime ?? 0) * 1000).toISOString().slice(0, 16).replace('T', ' ');
  const size = String(attrs.size ?? 0).padStart(12);
  return { filename, longname: `${type}${bits}    1 deploy   deploy   ${size} ${time} ${filename}`, attrs };
}
