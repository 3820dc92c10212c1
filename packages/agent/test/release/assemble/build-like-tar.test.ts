import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReuseMode } from '@deploy-tools/agent/release/assemble/reuse-method.js';
import { expect, it } from 'vitest';
import { type Archive, archiveOf } from '../../../../../test/support/archive.js';
import { describeWith } from '../../../../../test/support/requires.js';
import { type Scope, testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { snapshotTree, type TreeSnapshot, withoutFreshTimes } from '../unpack/tree-snapshot.js';
import { type BuildSite, makeBuildSite, SFTP_SERVER } from './build-site.js';

const MODULES = fileURLToPath(new URL('../../../../../node_modules', import.meta.url));

const sh = (script: string) => execFileSync('sh', ['-ec', script], { stdio: 'pipe' });

/** What GNU tar makes of the archives, one after another. */
function tarTree(scope: Scope, archives: readonly Archive[]): TreeSnapshot {
  const into = tempDir(scope);
  chmodSync(into, 0o755);
  for (const { path } of archives) {
    execFileSync('tar', ['-xpf', path, '-C', into, '--no-same-owner', '--delay-directory-restore']);
  }
  return snapshotTree(into);
}

async function expectLikeTar(scope: Scope, site: BuildSite, archives: readonly Archive[]): Promise<string> {
  const begun = Date.now();
  const release = await site.build(await site.config(...archives));
  if (release === undefined) throw new Error('not built of chunks');
  const [ours, reference] = [snapshotTree(release.root), tarTree(scope, archives)];
  expect(withoutFreshTimes(ours, reference, begun)).toEqual(withoutFreshTimes(reference, ours, begun));
  return release.root;
}

interface Versions {
  readonly tree: string;
  /** Packs the tree as it is. */
  pack(): Archive;
}

/** A copy of real packages that can be changed and packed again. */
function versionsOf(scope: Scope, ...packages: readonly string[]): Versions {
  const dir = tempDir(scope);
  const tree = join(dir, 'tree');
  mkdirSync(tree);
  for (const name of packages) sh(`cp -r '${join(MODULES, name)}' '${tree}'`);
  let count = 0;
  return {
    tree,
    pack: () => {
      count += 1;
      const path = join(dir, `${count}.tar.gz`);
      sh(`tar -czf '${path}' -C '${tree}' .`);
      return archiveOf(path);
    },
  };
}

/** Fresh times on everything, some files changed, moved, added, removed, made executable; a large one with an insertion. */
function nextVersion(tree: string): void {
  sh(`cd '${tree}'
    find . -type f | sort | sed -n '1~10p' | while read -r f; do echo '// changed' >> "$f"; done
    mkdir -p moved && find . -name '*.md' | sort | head -5 | while read -r f; do mv "$f" moved/; done
    find . -name '*.json' | sort | tail -3 | xargs rm
    find . -name '*.js' | sort | head -3 | xargs chmod 755
    head -c 300000 /dev/urandom > fresh.bin
    if [ -e large.bin ]; then { head -c 400000 large.bin; echo inserted; tail -c +400001 large.bin; } > x && mv x large.bin; fi
    find . -exec touch -d '2024-05-06 07:08:09.123456789' {} +`);
}

/** `auto` is copying or, where the file system can, reflinks. */
const MODES: readonly ReuseMode[] = ['auto', 'hardlink', 'off'];

describeWith([SFTP_SERVER], 'a release built of chunks is what GNU tar makes', () => {
  it.each(MODES)('the first time and updated, with -reuse %s', async (reuse) => {
    const scope = testScope();
    const versions = versionsOf(scope, 'fast-check', 'pino');
    sh(`cd '${versions.tree}' && ln -s pino link && ln pino/package.json again && head -c 3000000 /dev/urandom > large.bin
      : > empty && mkdir -m 500 closed && chmod 600 pino/README.md`);
    const first = versions.pack();
    const site = await makeBuildSite(scope, { reuse });
    const oldRoot = await expectLikeTar(scope, site, [first]);
    nextVersion(versions.tree);
    const second = versions.pack();
    const before = site.received();
    await expectLikeTar(scope, site, [second]);
    const fetched = site.received() - before;
    if (reuse !== 'off') expect(fetched).toBeLessThan(second.size / 4);
    if (reuse !== 'hardlink') {
      const old = withoutFreshTimes(snapshotTree(oldRoot), {}, 0);
      expect(old).toEqual(withoutFreshTimes(tarTree(scope, [first]), {}, 0));
    }
    await expectLikeTar(scope, site, [first]); // and back
  });

  it('when layers overlap, and when one is exchanged', async () => {
    const scope = testScope();
    const [base, other] = [versionsOf(scope, 'pino'), versionsOf(scope, 'pino')];
    sh(`cd '${other.tree}' && rm -r pino/lib && echo other > pino/package.json && ln -s nowhere pino/README.md -f
      rm pino/LICENSE && mkdir pino/LICENSE && ln pino/package.json hard`);
    const [one, two] = [base.pack(), other.pack()];
    const site = await makeBuildSite(scope);
    await expectLikeTar(scope, site, [one, two]);
    await expectLikeTar(scope, site, [one]);
    nextVersion(other.tree);
    await expectLikeTar(scope, site, [one, other.pack()]);
  });
});

/** In-place edits of a release, each on files of its own. */
const EDITS: Readonly<Record<string, (file: string) => void>> = {
  'other content, size and time kept': (file) => {
    const { atime, mtime } = statSync(file);
    const bytes = readFileSync(file);
    bytes.fill('X');
    writeFileSync(file, bytes);
    utimesSync(file, atime, mtime);
  },
  appended: (file) => appendFileSync(file, 'more'),
  'replaced by rename': (file) => {
    writeFileSync(`${file}.new`, 'other');
    renameSync(`${file}.new`, file);
  },
  'another mode': (file) => chmodSync(file, 0o600),
  deleted: (file) => rmSync(file),
  'a symlink in its place': (file) => {
    rmSync(file);
    symlinkSync('/etc/hostname', file);
  },
  'a FIFO in its place': (file) => {
    rmSync(file);
    sh(`mkfifo '${file}'`);
  },
  'a directory in its place': (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  'only touched': (file) => utimesSync(file, 1e9, 1e9),
};

describeWith([SFTP_SERVER], 'after edits in place', () => {
  const cases = MODES.flatMap((reuse) => [true, false].map((recorded) => ({ reuse, recorded })));

  it.each(cases)('the next release is right, the old one stays: $reuse, $recorded', async (each) => {
    const { reuse, recorded } = each;
    const scope = testScope();
    const versions = versionsOf(scope, 'pino');
    const site = await makeBuildSite(scope, { reuse });
    const first = versions.pack();
    const root = await expectLikeTar(scope, site, [first]);
    if (recorded) await site.settle(await site.config(first));
    else rmSync(site.store.paths.records, { recursive: true });
    const lib = join(root, 'pino', 'lib');
    const files = sh(`ls '${lib}'`).toString().trim().split('\n');
    for (const [number, edit] of Object.values(EDITS).entries()) {
      for (const file of files.slice(number * 2, number * 2 + 2)) edit(join(lib, file));
    }
    sh(`mv '${root}/pino/docs' '${root}/elsewhere' && ln -s ../elsewhere '${root}/pino/docs'`);
    const edited = snapshotTree(root);
    writeFileSync(join(versions.tree, 'new'), 'new');
    const next = await expectLikeTar(scope, site, [versions.pack()]);
    expect(withoutTimes(snapshotTree(root), reuse)).toEqual(withoutTimes(edited, reuse));
    const inodes = [root, next].map((release) => lstatSync(join(release, 'pino', 'package.json')).ino);
    expect(inodes[0] === inodes[1]).toBe(reuse === 'hardlink' && recorded);
  });
});

/** Links to the files of a release change their times. */
function withoutTimes(tree: TreeSnapshot, reuse: ReuseMode): TreeSnapshot {
  if (reuse !== 'hardlink') return tree;
  return Object.fromEntries(Object.entries(tree).map(([path, node]) => [path, { ...node, mtime: 0n }]));
}
