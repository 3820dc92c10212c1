import { execFileSync } from 'node:child_process';
import { chmodSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';

/** Something in a generated tree; a path that another one blocks is left out. */
export interface Planted {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  readonly content: string;
  readonly mode: number;
  /** Seconds since 1970. */
  readonly time: number;
}

const NAMES = ['a', '!', 'b', 'ab', 'a.b', 'c d', '[x]', 'x', 'é', '*', '-a', '#a', '\\', 'a\\b'];
const WORDS = [
  ...NAMES,
  '*',
  '**',
  '***',
  '?',
  '[ab]',
  '[!a]',
  '[a-c]*',
  '*.b',
  'a*',
  '[[:alpha:]]',
  '\\*',
  '[',
  '[]x]',
  '\\[',
  '[^/]*',
  '[/a]',
  '[a\\/]',
  '[',
  'a]',
];
const name = fc.constantFrom(...NAMES);
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join('/'));

const planted: fc.Arbitrary<Planted> = fc.record({
  path,
  kind: fc.constantFrom('file', 'file', 'directory', 'symlink'),
  content: fc.constantFrom('', 'one', 'two', 'three'),
  mode: fc.constantFrom(0o644, 0o755, 0o400, 0o700, 0o555),
  time: fc.constantFrom(1_000_000_000, 1_000_000_001, 1_500_000_000.25),
});

export const trees = fc.array(planted, { maxLength: 14 });

const pattern = fc
  .tuple(
    fc.constantFrom('', '', '/', '**/', '+ ', '- ', '+ /', '- /'),
    fc.array(
      fc.oneof(
        fc.constantFrom(...WORDS),
        fc.tuple(name, fc.constantFrom(...WORDS)).map((two) => two.join('')),
      ),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
    fc.constantFrom('', '', '/', '/**', '/***', '*'),
  )
  .map(([prefix, words, suffix]) => `${prefix}${words.join('/')}${suffix}`);

export const ruleLists = fc.array(
  fc.oneof({ weight: 20, arbitrary: pattern }, { weight: 1, arbitrary: fc.constant('!') }),
  {
    maxLength: 4,
  },
);

/** Makes a tree in a directory that is not there yet; directories that only others need get the time of the first. */
export function plant(root: string, tree: readonly Planted[]): void {
  mkdirSync(root);
  const made = new Map<string, Planted>();
  for (const what of tree) {
    const parts = what.path.split('/');
    const above = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
    if (made.has(what.path) || above.some((path) => (made.get(path)?.kind ?? 'directory') !== 'directory'))
      continue;
    for (const path of above.filter((each) => !made.has(each))) {
      mkdirSync(join(root, path));
      made.set(path, { ...what, path, kind: 'directory' });
    }
    const at = join(root, what.path);
    if (what.kind === 'directory') mkdirSync(at);
    else if (what.kind === 'symlink') symlinkSync(what.content === '' ? 'nowhere' : what.content, at);
    else writeFileSync(at, what.content);
    made.set(what.path, what);
  }
  // From below, for content changes a directory's time.
  for (const { path, kind, mode, time } of [...made.values()].sort((a, b) => (a.path < b.path ? 1 : -1))) {
    if (kind !== 'symlink') chmodSync(join(root, path), kind === 'directory' ? mode | 0o700 : mode);
    lutimesSync(join(root, path), time, time);
  }
  lutimesSync(root, 1_000_000_000, 1_000_000_000);
}

/** What rsync(1) makes of it. @throws with what it says. */
export function realRsync(
  from: string,
  to: string,
  rules: readonly string[],
  more: readonly string[] = [],
): void {
  const excludes = rules.map((rule) => `--exclude=${rule}`);
  execFileSync('rsync', ['-a', '--delete', ...more, ...excludes, '--', `${from}/`, `${to}/`], {
    stdio: 'pipe',
  });
}
