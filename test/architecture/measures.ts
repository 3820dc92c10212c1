import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findFolderCircles,
  folderAt,
  type Import,
  importsOf,
  PACKAGES,
  sourceFiles,
} from './import-graph.js';
import { functionsOf, type SourceFunction } from './source-functions.js';

/** More positional parameters than this want an object instead. */
const MAX_PARAMETERS = 3;
/** A function of more lines than this wants a reason. */
const MAX_FUNCTION_LINES = 50;
/** A file of fewer lines that one file imports could stand in that one. */
const SMALL_FILE_LINES = 30;

export interface SourceFile {
  readonly file: string;
  readonly lines: number;
}

/** What the sources of one package, or of all, look like from outside. */
export interface Measures {
  readonly name: string;
  readonly lines: number;
  readonly files: Sizes;
  /** Longest first. */
  readonly allFiles: readonly SourceFile[];
  readonly longestFile: SourceFile;
  /** Of functions with a name; callbacks count in the function that they stand in. */
  readonly functions: Sizes;
  readonly longestFunction: SourceFunction;
  readonly longFunctions: readonly SourceFunction[];
  readonly withManyParameters: readonly SourceFunction[];
  readonly smallWithOneImporter: readonly SourceFile[];
  readonly folderCircles: readonly (readonly string[])[];
}

/** Lengths in lines. */
interface Sizes {
  readonly count: number;
  readonly median: number;
  /** Nine of ten are at most this long. */
  readonly ninth: number;
  readonly longest: number;
}

/** All that is measured, read once. */
interface Sources {
  /** Longest first. */
  readonly files: readonly SourceFile[];
  /** Those with a name, longest first. */
  readonly functions: readonly SourceFunction[];
  readonly imports: readonly Import[];
}

/** Measures every package below `root`; the last entry, `all`, is the whole. */
export function measurePackages(root: string): Measures[] {
  const paths = PACKAGES.flatMap((name) => sourceFiles(root, `packages/${name}/src`));
  const functions = paths.flatMap((file) => functionsOf(root, file));
  const sources: Sources = {
    files: paths.map((file) => ({ file, lines: linesOf(root, file) })).sort(byLines),
    functions: functions.filter(({ name }) => name !== 'anonymous').sort(byLines),
    imports: paths.flatMap((file) => importsOf(root, file)),
  };
  return [...PACKAGES.map((name) => measure(name, inPackage(sources, name))), measure('all', sources)];
}

/** Imports from elsewhere stay: they count as importers. */
function inPackage({ files, functions, imports }: Sources, name: string): Sources {
  const isOwn = ({ file }: { readonly file: string }) => file.startsWith(`packages/${name}/`);
  return { files: files.filter(isOwn), functions: functions.filter(isOwn), imports };
}

function measure(name: string, { files, functions, imports }: Sources): Measures {
  const [longestFile] = files;
  const [longestFunction] = functions;
  if (longestFile === undefined || longestFunction === undefined) throw new Error(`${name} has no sources`);
  return {
    name,
    lines: files.reduce((sum, { lines }) => sum + lines, 0),
    files: sizesOf(files),
    allFiles: files,
    longestFile,
    functions: sizesOf(functions),
    longestFunction,
    longFunctions: functions.filter(({ lines }) => lines > MAX_FUNCTION_LINES),
    withManyParameters: functions.filter(({ parameters }) => parameters > MAX_PARAMETERS),
    smallWithOneImporter: files.filter((file) => isSmallWithOneImporter(file, imports)),
    folderCircles: folderCirclesOf(files, imports),
  };
}

/** Lists the groups of sibling folders that import each other, at every depth. */
function folderCirclesOf(files: readonly SourceFile[], imports: readonly Import[]): string[][] {
  const own = new Set(files.map(({ file }) => file));
  const inside = imports.filter(({ from, to = '' }) => own.has(from) && own.has(to));
  return [1, 2, 3].flatMap((depth) => findFolderCircles(inside, folderAt(depth)));
}

/** Threads are begun by their file's name, and programs by none: they have no importer, and are left out. */
function isSmallWithOneImporter({ file, lines }: SourceFile, imports: readonly Import[]): boolean {
  if (lines >= SMALL_FILE_LINES) return false;
  return new Set(imports.filter(({ to }) => to === file).map(({ from }) => from)).size === 1;
}

function byLines(a: { readonly lines: number }, b: { readonly lines: number }): number {
  return b.lines - a.lines;
}

function sizesOf(longestFirst: readonly { readonly lines: number }[]): Sizes {
  const at = (share: number) =>
    longestFirst[Math.min(longestFirst.length - 1, Math.floor(longestFirst.length * share))]?.lines ?? 0;
  return { count: longestFirst.length, median: at(0.5), ninth: at(0.1), longest: at(0) };
}

function linesOf(root: string, file: string): number {
  return readFileSync(join(root, file), 'utf8').split('\n').length - 1;
}
