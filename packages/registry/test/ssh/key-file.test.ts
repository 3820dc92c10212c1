import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GRACE_MS, KeyFile } from '@deploy-tools/registry/ssh/key-file.js';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { sshKeyPair } from '../../../../test/support/ssh-key-pair.js';

const NAMES = ['a', 'b', 'c'] as const;
const lineOf = new Map<string, string>();

beforeAll(() => {
  for (const name of NAMES) lineOf.set(name, `${sshKeyPair().public} ${name}`);
});

/** One key a line, in this order; a name that is no key's is a bad line. */
const text = (...names: readonly string[]) => names.map((name) => `${lineOf.get(name) ?? name}\n`).join('');

interface Watched {
  readonly dir: string;
  readonly path: string;
  readonly file: KeyFile;
  /** Time passes, then the file is checked until it counts as settled. @returns whether keys were taken. */
  check(ms?: number): Promise<boolean>;
  /** The comments of the active keys. */
  active(): string;
}

const log = await createLogger('test', 'silent');

function makeDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function watchFile(path: string, dir: string, role: Role = 'agent'): Watched {
  let now = 0;
  const file = KeyFile.open({ path, role, log, steady: () => now });
  return {
    dir,
    path,
    file,
    check: async (ms = 0) => {
      now += ms;
      const first = await file.check();
      return (await file.check()) || first;
    },
    active: () => file.keys.map(({ comment }) => comment).join(' '),
  };
}

function open(...names: readonly string[]): Watched {
  const dir = makeDirectory();
  const path = join(dir, 'service.keys');
  writeFileSync(path, text(...names));
  return watchFile(path, dir);
}

describe('a key file that changes', () => {
  test('counts when it is the same at two checks, and is not read again', async () => {
    const { path, file, active } = open('a');
    expect(await file.check()).toBe(false);
    writeFileSync(path, text('a', 'b'));
    expect(await file.check()).toBe(false);
    expect(active()).toBe('a');
    expect(await file.check()).toBe(true);
    expect(active()).toBe('a b');
    expect(await file.check()).toBe(false);
    expect(file.trouble).toBeUndefined();
  });

  test('by a file that is renamed over it, also one of the same size and time', async () => {
    const { path, check, active } = open('a');
    const time = new Date('2026-01-01T00:00:00Z');
    utimesSync(path, time, time);
    await check();
    for (const name of ['b', 'c', 'a']) {
      writeFileSync(`${path}.new`, text(name));
      utimesSync(`${path}.new`, time, time);
      renameSync(`${path}.new`, path);
      expect(await check()).toBe(true);
      expect(active()).toBe(name);
    }
  });

  test('by a link, or a link to a directory on the way, that is pointed elsewhere', async () => {
    const dir = makeDirectory();
    for (const name of ['a', 'b']) {
      mkdirSync(join(dir, name));
      writeFileSync(join(dir, name, 'keys'), text(name));
    }
    symlinkSync('a', join(dir, 'current'));
    symlinkSync('current/keys', join(dir, 'service.keys'));
    const { check, active } = watchFile(join(dir, 'service.keys'), dir);
    expect(active()).toBe('a');
    const swap = (target: string, link: string) => {
      symlinkSync(target, join(dir, 'new'));
      renameSync(join(dir, 'new'), join(dir, link));
    };
    swap('b', 'current');
    expect(await check()).toBe(true);
    expect(active()).toBe('b');
    swap('a/keys', 'service.keys');
    expect(await check()).toBe(true);
    expect(active()).toBe('a');
  });

  test('by a directory on the way that is renamed', async () => {
    const dir = makeDirectory();
    for (const name of ['now', 'next']) mkdirSync(join(dir, name));
    writeFileSync(join(dir, 'now', 'keys'), text('a'));
    writeFileSync(join(dir, 'next', 'keys'), text('b'));
    const { check, active } = watchFile(join(dir, 'now', 'keys'), dir);
    renameSync(join(dir, 'now'), join(dir, 'old'));
    renameSync(join(dir, 'next'), join(dir, 'now'));
    expect(await check()).toBe(true);
    expect(active()).toBe('b');
  });
});

describe('a key file with bad lines', () => {
  test('takes away what is on no good line, adds nothing and says so, until it is good', async () => {
    const { path, file, check, active } = open('a', 'b');
    writeFileSync(path, text('b', 'c', 'broken'));
    expect(await check()).toBe(true);
    expect(active()).toBe('b');
    expect(file.trouble).toBe(
      `${path}, line 3: not a public key: keys on good lines stay active, and none is added until it is corrected`,
    );
    writeFileSync(path, text('a', 'b', 'c', 'broken', 'worse'));
    await check();
    expect(active()).toBe('b');
    expect(file.trouble).toMatch(/, line 4: not a public key \(and 1 more\): /);
    writeFileSync(path, text('a', 'b', 'c'));
    await check();
    expect(active()).toBe('a b c');
    expect(file.trouble).toBeUndefined();
  });

  test('restricts a key that is active by the options of its good line', async () => {
    const { path, file, check } = open('a');
    writeFileSync(path, `from="10.0.0.0/8",config="web" ${text('a', 'broken')}`);
    await check();
    const [key] = file.keys;
    expect(key?.config).toBe('web');
    expect(key?.admits('192.0.2.1', new Date())).toBe(false);
  });
});

describe('a key file that gives no key', () => {
  const ways: Record<string, (path: string) => void> = {
    'is emptied': (path) => writeFileSync(path, ''),
    'has comments only': (path) => writeFileSync(path, '# nobody any more\n'),
    'has bad lines only': (path) => writeFileSync(path, 'broken\n'),
    'has other keys and a bad line': (path) => writeFileSync(path, text('c', 'broken')),
    'is removed': (path) => rmSync(path),
    'becomes a directory': (path) => {
      rmSync(path);
      mkdirSync(path);
    },
    'becomes a device': (path) => {
      rmSync(path);
      symlinkSync('/dev/zero', path);
    },
    'becomes a link that leads nowhere': (path) => {
      rmSync(path);
      symlinkSync('nowhere', path);
    },
    'is far too long': (path) => writeFileSync(path, '#'.repeat(2 * 1024 * 1024)),
  };
  test.each(Object.keys(ways))('because it %s: no key is active after a grace', async (way) => {
    const { path, file, check, active } = open('a', 'b');
    ways[way]?.(path);
    expect(await check()).toBe(false);
    expect(active()).toBe('a b');
    expect(file.trouble).toContain(path);
    expect(file.trouble).toMatch(/: its earlier keys stay active for 5 s$/);
    expect(await check(GRACE_MS - 1)).toBe(false);
    expect(active()).toBe('a b');
    expect(await check(1)).toBe(true);
    expect(active()).toBe('');
    expect(file.trouble).toContain(path);
    expect(file.trouble).toMatch(/: no agent can log in$/);
    expect(await check(GRACE_MS)).toBe(false);
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, text('b'));
    expect(await check()).toBe(true);
    expect(active()).toBe('b');
    expect(file.trouble).toBeUndefined();
  });

  test('for less than the grace, as when it is written anew, takes nothing away', async () => {
    const { path, file, check, active } = open('a');
    rmSync(path);
    await check();
    writeFileSync(path, '');
    await check(GRACE_MS - 1);
    writeFileSync(path, text('a', 'b'));
    expect(await check(GRACE_MS)).toBe(true);
    expect(active()).toBe('a b');
    expect(file.trouble).toBeUndefined();
  });

  test('again and again in another way has one grace', async () => {
    const { path, check, active } = open('a');
    rmSync(path);
    await check();
    writeFileSync(path, '');
    await check(GRACE_MS - 1);
    writeFileSync(path, '# still nothing\n');
    await check(1);
    expect(active()).toBe('');
  });

  test('and is back as it was is no trouble any more', async () => {
    const dir = makeDirectory();
    const path = join(dir, 'service.keys');
    writeFileSync(join(dir, 'a'), text('a'));
    symlinkSync('a', path);
    const { file, check, active } = watchFile(path, dir);
    rmSync(path);
    await check();
    expect(file.trouble).toBeDefined();
    symlinkSync('a', path); // the same file, as it was
    expect(await check(GRACE_MS)).toBe(false);
    expect(active()).toBe('a');
    expect(file.trouble).toBeUndefined();
  });
});

describe('is settled, so that no check is needed until it changes,', () => {
  test('when its keys were taken from it', async () => {
    const { path, file } = open('a');
    expect(file.isSettled).toBe(true);
    writeFileSync(path, text('b'));
    await file.check();
    expect(file.isSettled).toBe(false);
    await file.check();
    expect(file.isSettled).toBe(true);
  });

  test('when it gives no key and the grace is over, not before', async () => {
    const { path, file, check } = open('a');
    rmSync(path);
    await check();
    await check(GRACE_MS - 1);
    expect(file.isSettled).toBe(false);
    await check(1);
    expect(file.isSettled).toBe(true);
  });

  test('when it is back as it was and nothing is wrong with it any more', async () => {
    const dir = makeDirectory();
    const path = join(dir, 'service.keys');
    writeFileSync(join(dir, 'a'), text('a'));
    symlinkSync('a', path);
    const { file, check } = watchFile(path, dir);
    rmSync(path);
    await check();
    symlinkSync('a', path);
    await file.check(); // finds the file that the keys are from, with the trouble of its absence
    expect(file.isSettled).toBe(false);
    await file.check();
    expect(file.isSettled).toBe(true);
    expect(file.trouble).toBeUndefined();
  });
});

describe('at the start', () => {
  test.each(['', '# to come\n'])('agents may have no key yet: %j', async (content) => {
    const dir = makeDirectory();
    const path = join(dir, 'service.keys');
    writeFileSync(path, content);
    const { file, check, active } = watchFile(path, dir);
    expect(file.trouble).toBe(`${path} has no key: no agent can log in`);
    writeFileSync(path, text('a'));
    expect(await check()).toBe(true);
    expect(active()).toBe('a');
    expect(file.trouble).toBeUndefined();
  });

  test('operators may not', () => {
    const dir = makeDirectory();
    const path = join(dir, 'operator.keys');
    writeFileSync(path, '# nobody\n');
    expect(() => watchFile(path, dir, 'operator')).toThrow(`${path} has no key`);
  });

  test.each(['agent', 'operator'] as const)('a bad line of an %s is named', (role) => {
    const dir = makeDirectory();
    const path = join(dir, 'keys');
    writeFileSync(path, text('a', 'broken'));
    expect(() => watchFile(path, dir, role)).toThrow(`${path}, line 2: not a public key`);
  });
});
