import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { tarOf } from '../../packages/shared/test/archive/tar-builder.js';
import type { OpenSsh } from './open-ssh.js';
import { run } from './run.js';
import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';

/** A file ready to be uploaded. */
export interface Archive {
  readonly path: string;
  readonly hash: string;
  readonly size: number;
}

/** Packs files, given by name and content, with the real tar into `<dir>/<name>.tar.gz`. */
export async function makeArchive(
  scope: Scope,
  dir: string,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<Archive> {
  const tree = tempDir(scope);
  for (const [file, content] of Object.entries(files)) writeFileSync(join(tree, file), content);
  const path = join(dir, `${name}.tar.gz`);
  const packed = await run('tar', ['czf', path, '-C', tree, ...Object.keys(files)]);
  if (packed.status !== 0) throw new Error(packed.stderr);
  return archiveOf(path);
}

/** A file as it lies there. */
export function archiveOf(path: string): Archive {
  const content = readFileSync(path);
  return { path, hash: createHash('sha256').update(content).digest('hex'), size: content.length };
}

/** A file of these bytes, which need not be an archive. */
export function makeBlob(path: string, content: Uint8Array): Archive {
  writeFileSync(path, content);
  return archiveOf(path);
}

/** A tar file, not compressed, that holds one file of this content. */
export function makeTar(path: string, content: Uint8Array): Archive {
  return makeBlob(path, tarOf([{ name: 'content', content }]));
}

/** Uploads with the stock sftp and names with the stock ssh. @throws when either fails. */
export async function addVersion(
  operator: OpenSsh,
  archive: Archive,
  component: string,
  version: string,
): Promise<void> {
  await upload(operator, archive);
  const added = await operator.exec(`addver -name ${component} -version ${version} -hash ${archive.hash}`);
  if (added.status !== 0) throw new Error(`addver: ${added.stderr}`);
}

export async function upload(operator: OpenSsh, archive: Archive): Promise<void> {
  const put = await operator.sftp(`put ${archive.path} ${basename(archive.path)}\n`);
  if (put.status !== 0) throw new Error(`put: ${put.stdout}${put.stderr}`);
}
