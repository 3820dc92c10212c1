import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../support/program.js';
import {
  findCircles,
  findFolderCircles,
  folderAt,
  type Import,
  importsOf,
  PACKAGES,
  packageOf,
  shortName,
  sourceFiles,
} from './import-graph.js';
import { judgeImport } from './judge-import.js';
import { LONG_FILES, MAX_LINES, STILL_IN_CIRCLES } from './rules.js';

const FILES = PACKAGES.flatMap((name) => sourceFiles(PROJECT_ROOT, `packages/${name}/src`));
const IMPORTS = FILES.flatMap((file) => importsOf(PROJECT_ROOT, file));

describe('imports', () => {
  it('are found at all', () => {
    expect(FILES.length).toBeGreaterThan(80);
    expect(IMPORTS.length).toBeGreaterThan(300);
    const froms = FILES.map((file) => readFileSync(join(PROJECT_ROOT, file), 'utf8'));
    const written = froms.join('\n').match(/ from '[^']+';$/gm) ?? [];
    expect(IMPORTS.length).toBeGreaterThanOrEqual(written.length);
  });

  it('point downward only', () => {
    expect(IMPORTS.map(judgeImport).filter((problem) => problem !== undefined)).toEqual([]);
  });

  it.each(PACKAGES)('%s: make no circle between folders', (name) => {
    const own = IMPORTS.filter(
      (found) => found.from.startsWith(`packages/${name}/`) && found.to?.startsWith(`packages/${name}/`),
    );
    const circles = [1, 2, 3].flatMap((depth) => findFolderCircles(own, folderAt(depth)));
    const known = STILL_IN_CIRCLES.filter(({ folders }) => folders[0]?.startsWith(`${name}/`));
    expect(circles).toEqual(known.map(({ folders }) => folders));
  });

  it('name files that exist', () => {
    const known = new Set(FILES);
    const missing = IMPORTS.filter(({ to }) => to !== undefined && !known.has(to) && !to.endsWith('.d.ts'));
    expect(missing).toEqual([]);
  });

  it('make no circle between files', () => {
    expect(findCircles(IMPORTS)).toEqual([]);
  });

  it('reach other packages by the subpaths that they offer', () => {
    const foreign = IMPORTS.filter(({ from, specifier, to }) => {
      const own = /^packages\/[^/]+\//.exec(from)?.[0] ?? '';
      const leaves = specifier.startsWith('.') && to?.startsWith(`${own}src/`) !== true;
      return (
        leaves ||
        (specifier.startsWith('@deploy-tools/') &&
          !/^@deploy-tools\/(shared|sources|notices)\/.+\.js$/.test(specifier))
      );
    });
    expect(foreign).toEqual([]);
  });

  it.each(PACKAGES)('%s: every npm package is declared', (name) => {
    const manifest = JSON.parse(readFileSync(join(PROJECT_ROOT, `packages/${name}/package.json`), 'utf8'));
    const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }));
    const used = new Set(
      IMPORTS.filter(({ from }) => from.startsWith(`packages/${name}/`))
        .map(({ specifier }) => packageOf(specifier))
        .filter((found) => found !== undefined),
    );
    expect([...used].filter((found) => !declared.has(found))).toEqual([]);
  });
});

describe('files', () => {
  it(`have at most ${MAX_LINES} lines, or a reason`, () => {
    const long = FILES.filter(
      (file) => readFileSync(join(PROJECT_ROOT, file), 'utf8').split('\n').length - 1 > MAX_LINES,
    ).map(shortName);
    expect(long.filter((file) => LONG_FILES[file] === undefined)).toEqual([]);
    expect(Object.keys(LONG_FILES).filter((file) => !long.includes(file))).toEqual([]);
  });

  it('have no default export and no forbidden name', () => {
    for (const file of FILES) {
      expect(readFileSync(join(PROJECT_ROOT, file), 'utf8'), file).not.toMatch(/^export default\b/m);
      expect(file).not.toMatch(/\/(index|utils?|helpers?|misc|common)\.ts$/);
      expect(file).toMatch(/\/[a-z0-9]+(-[a-z0-9]+)*\.ts$/);
    }
  });
});

describe('the rules themselves', () => {
  const wrong = (from: string, to: string, typeOnly = false) =>
    judgeImport({
      from: `packages/${from}.ts`.replace(/^packages\/([^/]+)\//, 'packages/$1/src/'),
      to: `packages/${to}.ts`.replace(/^packages\/([^/]+)\//, 'packages/$1/src/'),
      specifier: to,
      typeOnly,
    });

  it.each([
    ['shared/errors', 'registry/core/registry', true],
    ['registry/core/x', 'registry/commands/help', false],
    ['registry/core/x', 'registry/meta/meta-store', false],
    ['registry/core/x', 'registry/meta/sqlite/migrations', true],
    ['registry/commands/x', 'registry/ssh/session', false],
    ['registry/sftp/x', 'registry/ssh/activity', true],
    ['registry/ssh/x', 'registry/layers/file-byte-store', true],
    ['registry/layers/file-x', 'registry/core/registry', false],
    ['registry/meta/sqlite/x', 'registry/layers/byte-store', true],
    ['registry/jobs/x', 'registry/ssh/activity', false],
    ['registry/core/x', 'registry/takeover/take-over', true],
    ['registry/takeover/x', 'registry/meta/sqlite/sqlite-meta-store', true],
    ['registry/main', 'registry/meta/sqlite/migrations', false],
    ['agent/release/x', 'agent/deploy/agent-context', true],
    ['agent/host/x', 'agent/process/x', true],
    ['agent/deploy/x', 'agent/follow/pushes', true],
    ['agent/follow/x', 'agent/tell/x', false],
    ['agent/x', 'agent/host/timers', false],
    ['agent/deploy/x', 'registry/core/registry', true],
    ['ctl/x', 'agent/x', true],
    ['unknown/x', 'shared/errors', false],
  ])('%s may not import %s', (from, to, typeOnly) => {
    expect(wrong(from, to, typeOnly)).toBeDefined();
  });

  it.each([
    ['registry/core/x', 'registry/meta/meta-store', true],
    ['registry/compose', 'registry/layers/file-byte-store', false],
    ['registry/layers/file-byte-store', 'registry/layers/file-upload', false],
    ['agent/programs/daemon/x', 'agent/follow/pushes', false],
    ['agent/place/x', 'agent/release/unpack/remove-tree', false],
    ['ctl/x', 'shared/errors', false],
  ])('%s may import %s', (from, to, typeOnly) => {
    expect(wrong(from, to, typeOnly)).toBeUndefined();
  });

  it('a circle is seen', () => {
    const edge = (from: string, to: string): Import => ({ from, to, specifier: to, typeOnly: false });
    expect(findCircles([edge('a', 'b'), edge('b', 'c'), edge('c', 'b'), edge('c', 'd')])).toEqual([
      ['b', 'c', 'b'],
    ]);
  });

  it('a circle of folders is seen, though no file is in one', () => {
    const edge = (from: string, to: string): Import => ({ from, to, specifier: to, typeOnly: true });
    const edges = [
      edge('p/a/1', 'p/b/1'),
      edge('p/b/2', 'p/c/1'),
      edge('p/c/2', 'p/a/2'),
      edge('p/c/1', 'p/d/1'),
    ];
    expect(findFolderCircles(edges, folderAt(1))).toEqual([['p/a', 'p/b', 'p/c']]);
  });
});
