import { posix } from 'node:path';
import { memberPath, PathGuard } from '@deploy-tools/shared/archive/path-guard.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('memberPath', () => {
  it.each([
    ['a', 'a'],
    ['a/b', 'a/b'],
    ['./a', 'a'],
    ['a//b/./c/', 'a/b/c'],
    ['.', ''],
    ['./', ''],
    ['...', '...'],
    ['.a/b.', '.a/b.'],
    ['a\\..\\b', 'a\\..\\b'],
  ])('%j is %j', (name, path) => expect(memberPath(name)).toBe(path));

  it.each(['', '/', '/a', '//a', '..', '../a', 'a/..', 'a/../b', './..', 'a\0b'])('refuses %j', (name) => {
    expect(() => memberPath(name)).toThrow(DeployError);
  });

  it('refuses a part that no file system takes, however short the others are', () => {
    const longest = 'n'.repeat(255);
    expect(memberPath(`${longest}/${longest}/`)).toBe(`${longest}/${longest}`);
    for (const name of [`${longest}n`, `a/${longest}n/b`, `./${longest}n`]) {
      expect(() => memberPath(name)).toThrow(/longer than 255 bytes/);
    }
  });

  it('gives a path that stays below the root, or refuses', () => {
    const name = fc
      .array(fc.constantFrom('a', 'b', '.', '..', '', '...'), { maxLength: 6 })
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(name, (text) => {
        const outside = text === '' || text.startsWith('/') || text.split('/').includes('..');
        if (outside) expect(() => memberPath(text)).toThrow(DeployError);
        else
          expect(posix.join('/root', memberPath(text))).toBe(
            posix.join('/root', text).replace(/(.)\/$/, '$1'),
          );
      }),
      { numRuns: 500 },
    );
  });
});

function guard(outsideLinks = false): PathGuard {
  return new PathGuard({ outsideLinks, count: () => {} });
}

describe('PathGuard', () => {
  it.each([
    ['a', 'b'],
    ['a', './b/c'],
    ['d/a', '../b'],
    ['d/e/a', '../..'],
    ['a', '.'],
    ['a', 'b/../c'],
    ['a', 'missing/'],
  ])('keeps the symlink %s -> %s', (path, target) =>
    expect(() => guard().symlink(path, target)).not.toThrow(),
  );

  it.each([
    ['a', '..'],
    ['a', '/etc'],
    ['a', 'b/../../c'],
    ['d/a', '../../b'],
    ['d/a', '../..'],
    ['a', 'x\0y'],
    ['a', ''],
  ])('refuses the symlink %s -> %s', (path, target) => {
    expect(() => guard().symlink(path, target)).toThrow(DeployError);
  });

  it('keeps links that lead outside when told so, but never a path through one', () => {
    const paths = guard(true);
    paths.symlink('etc', '/etc');
    expect(() => paths.file('etc/passwd')).toThrow(/through the symlink "etc"/);
  });

  it('refuses a path through a symlink at any depth, whether or not its target exists', () => {
    const paths = guard();
    paths.symlink('d/l', 'missing');
    for (const path of ['d/l/f', 'd/l/x/y/f']) expect(() => paths.directory(path)).toThrow(/"d\/l"/);
    expect(() => paths.hardlink('h', 'd/l/f')).toThrow(/its link target goes through the symlink "d\/l"/);
  });

  it('lets a directory or a file take a symlink’s place', () => {
    const paths = guard();
    paths.symlink('l', 'elsewhere');
    paths.directory('l');
    paths.file('l/f');
    paths.symlink('m', 'elsewhere');
    paths.file('m');
    paths.hardlink('h', 'm');
  });

  it('refuses a file or a link in place of a directory that holds something', () => {
    const paths = guard();
    paths.file('d/f');
    expect(() => paths.file('d')).toThrow(/not empty/);
    expect(() => paths.symlink('d', 'x')).toThrow(/not empty/);
    expect(() => paths.file('')).toThrow(/root/);
  });

  it('refuses a path below a file, also below a hard link, of any layer', () => {
    const laid = () => {
      const paths = guard();
      paths.file('f');
      paths.hardlink('h', 'f');
      return paths;
    };
    for (const path of ['f/x', 'f/x/y', 'h/x']) {
      expect(() => laid().file(path)).toThrow(
        /its path needs a directory where an earlier entry made the file "[fh]"/,
      );
    }
    expect(() => laid().hardlink('f/x', 'f/x')).toThrow(/its link target needs a directory/);
    const paths = laid();
    paths.directory('f');
    paths.file('f/x');
    paths.symlink('h', 'f');
    expect(() => paths.file('h/x')).toThrow(/through the symlink "h"/);
  });

  it('refuses a target that steps back over a link, whichever comes first', () => {
    const first = guard();
    first.symlink('d/e/up', '../..');
    expect(() => first.symlink('esc', 'd/e/up/../x')).toThrow(
      /steps back with "\.\." from another link, "d\/e\/up"/,
    );
    const second = guard();
    second.symlink('esc', 'd/e/up/../x');
    expect(() => second.symlink('d/e/up', '../..')).toThrow(/steps back/);
  });

  it('refuses a hard link that makes a symlink lead outside', () => {
    const paths = guard();
    paths.symlink('d/up', '..');
    paths.hardlink('d/other', 'd/up');
    expect(() => paths.hardlink('moved', 'd/up')).toThrow(/leads outside/);
  });
});

describe('PathGuard: property', () => {
  const part = fc.constantFrom('a', 'b', 'c');
  const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const target = fc
    .array(fc.oneof(part, fc.constant('..')), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('/'));
  const step = fc.oneof(
    fc.record({ what: fc.constant('symlink' as const), path, target }),
    fc.record({ what: fc.constant('hardlink' as const), path, target: path }),
    fc.record({
      what: fc.constantFrom('file' as const, 'directory' as const),
      path,
      target: fc.constant(''),
    }),
  );

  it('whatever is admitted, no link resolves to outside of the root', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const paths = guard();
        const links = new Map<string, string>();
        for (const { what, path: at, target: to } of steps) {
          try {
            if (what === 'symlink') paths.symlink(at, to);
            else if (what === 'hardlink') paths.hardlink(at, to);
            else paths[what](at);
          } catch {
            // The release would fail here: what was laid before is what counts.
            break;
          }
          const text = what === 'symlink' ? to : what === 'hardlink' ? links.get(to) : undefined;
          if (text === undefined) links.delete(at);
          else links.set(at, text);
        }
        for (const link of links.keys()) expect(leavesRoot(link, links)).toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });

  it('whatever is admitted, nothing is below a file', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const paths = guard(true);
        const files = new Set<string>();
        for (const { what, path: at, target: to } of steps) {
          try {
            if (what === 'symlink') paths.symlink(at, to);
            else if (what === 'hardlink') paths.hardlink(at, to);
            else paths[what](at);
          } catch {
            return;
          }
          for (const file of files) expect(at.startsWith(`${file}/`)).toBe(false);
          if (what === 'file') files.add(at);
          else if (what !== 'hardlink') files.delete(at);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

/** Resolves as the kernel does, following links; a loop never arrives anywhere. */
function leavesRoot(path: string, links: ReadonlyMap<string, string>): boolean {
  let todo = path.split('/');
  let at: string[] = [];
  for (let hops = 0; hops < 40; ) {
    const part = todo.shift();
    if (part === undefined) return false;
    if (part === '..') {
      if (at.length === 0) return true;
      at.pop();
      continue;
    }
    const link = links.get([...at, part].join('/'));
    if (link === undefined) {
      at = [...at, part];
      continue;
    }
    hops += 1;
    todo = [...link.split('/'), ...todo];
  }
  return false;
}
