import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Archive, archiveOf } from './archive.js';
import { run } from './run.js';
import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';

/** What a tree is made of: content of a file, with its mode where it matters, or the target of a symlink. */
export type TreePart =
  | string
  | { readonly content: string; readonly mode: number }
  | { readonly link: string };

/** Makes files with the directories that they need. */
export function makeTree(dir: string, parts: Readonly<Record<string, TreePart>>): void {
  for (const [name, part] of Object.entries(parts)) {
    const path = join(dir, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof part === 'object' && 'link' in part) {
      symlinkSync(part.link, path);
      continue;
    }
    writeFileSync(path, typeof part === 'string' ? part : part.content);
    if (typeof part === 'object') chmodSync(path, part.mode);
  }
}

/** Packs a tree with the real tar into `<dir>/<name>.tar.gz`. */
export async function packTree(
  scope: Scope,
  dir: string,
  name: string,
  parts: Readonly<Record<string, TreePart>>,
): Promise<Archive> {
  const tree = tempDir(scope);
  makeTree(tree, parts);
  const path = join(dir, `${name}.tar.gz`);
  await tar('czf', path, '-C', tree, ...readdirSync(tree));
  return archiveOf(path);
}

/** The tree that GNU tar makes of these archives, one after another, as {@link listTree} writes it. */
export async function gnuTarTree(scope: Scope, archives: readonly Archive[]): Promise<string[]> {
  const dir = tempDir(scope);
  for (const { path } of archives) await tar('xf', path, '-C', dir);
  return listTree(dir);
}

/** @throws with what tar says. */
export async function tar(...args: readonly string[]): Promise<void> {
  const done = await run('tar', args);
  if (done.status !== 0) throw new Error(`tar ${args.join(' ')}: ${done.stderr}`);
}

/** Everything below a directory, one line each: type, mode, time, path, and content or target. */
export function listTree(dir: string): string[] {
  const lines: string[] = [];
  const walk = (below: string) => {
    for (const name of readdirSync(join(dir, below)).sort()) {
      const path = join(below, name);
      const at = join(dir, path);
      const found = lstatSync(at);
      const mode = (found.mode & 0o7777).toString(8);
      if (found.isSymbolicLink()) lines.push(`link ${path} -> ${readlinkSync(at)}`);
      else if (found.isDirectory()) lines.push(`directory ${mode} ${found.mtimeMs} ${path}`);
      else lines.push(`file ${mode} ${found.mtimeMs} ${path} ${found.size} ${sha256(at)}`);
      if (found.isDirectory()) walk(path);
    }
  };
  walk('');
  return lines;
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
