import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';

export const PACKAGES = ['shared', 'sources', 'notices', 'registry', 'agent', 'ctl'] as const;

/** One import of a source file. Paths are relative to the project, with `/`. */
export interface Import {
  readonly from: string;
  /** As it is written. */
  readonly specifier: string;
  /** The file that it means; undefined when it is not one of ours. */
  readonly to: string | undefined;
  /** `import type` and `export type`: gone at run time. */
  readonly typeOnly: boolean;
}

/** A static import or re-export, a bare one, or a dynamic one; the formatter leaves no other spelling. */
const IMPORT =
  /^(?:import|export)\s+(type\s)?[^;'"]*?\bfrom\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm;

/** The TypeScript sources below a folder; none when there is no such folder. */
export function sourceFiles(root: string, folder: string): string[] {
  try {
    return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.split(sep).join('/')}`)
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .sort();
  } catch {
    return [];
  }
}

/** `packages/registry/src/core/uploads.ts` as the rules write it: `registry/core/uploads`. */
export function shortName(file: string): string {
  return file.replace(/^packages\/([^/]+)\/src\//, '$1/').replace(/\.ts$/, '');
}

export function importsOf(root: string, file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)].map(([, type, ...specifiers]) => {
    const specifier = specifiers.find((found) => found !== undefined) ?? '';
    return { from: file, specifier, to: resolveImport(file, specifier), typeOnly: type !== undefined };
  });
}

function resolveImport(from: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) {
    return posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts');
  }
  const ours = /^@deploy-tools\/([^/]+)\/(.+)\.js$/.exec(specifier);
  return ours === null ? undefined : `packages/${ours[1]}/src/${ours[2]}.ts`;
}

/** The name of the npm package that a specifier means; undefined for files and for Node.js' own modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

/** Every circle of files that import each other, each as the files in order. */
export function findCircles(imports: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) if (to !== undefined) next.set(from, [...(next.get(from) ?? []), to]);
  const circles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file);
    if (at >= 0) circles.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    for (const target of next.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return circles;
}

/**
 * Makes a function that gives the folder of a file so many folders below its package, 1 for those in `src`; a file that
 * stands higher is given itself.
 */
export function folderAt(depth: number): (file: string) => string {
  return (file) =>
    shortName(file)
      .split('/', depth + 1)
      .join('/');
}

/** Every group of folders of which each imports each other, directly or through others; sorted by name. */
export function findFolderCircles(
  imports: readonly Import[],
  toFolder: (file: string) => string,
): string[][] {
  const next = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    if (to === undefined || toFolder(from) === toFolder(to)) continue;
    next.set(toFolder(from), (next.get(toFolder(from)) ?? new Set()).add(toFolder(to)));
  }
  const folders = [...next.keys()].sort();
  const reached = new Map(folders.map((folder) => [folder, reachableFrom(folder, next)]));
  const isMutual = (one: string, other: string) =>
    reached.get(one)?.has(other) === true && reached.get(other)?.has(one) === true;
  const groups = folders.map((folder) => folders.filter((other) => isMutual(folder, other)));
  return groups.filter((group, index) => group.length > 0 && group[0] === folders[index]);
}

function reachableFrom(start: string, next: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const reached = new Set<string>();
  const waiting = [...(next.get(start) ?? [])];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (reached.has(folder)) continue;
    reached.add(folder);
    waiting.push(...(next.get(folder) ?? []));
  }
  return reached;
}
