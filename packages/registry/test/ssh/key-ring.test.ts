import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAuthorizedKeys } from '@deploy-tools/registry/ssh/authorized-keys.js';
import { type KeyRing, type KeyRingOptions, openKeyRing } from '@deploy-tools/registry/ssh/key-ring.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { sshKeyPair } from '../../../../test/support/ssh-key-pair.js';
import { trackNativeWatches } from '../support/native-watches.js';

const NAMES = ['a', 'b'] as const;
type Name = (typeof NAMES)[number];
let lineOf: Record<Name, string>;

beforeAll(() => {
  const line = (name: Name) => `${sshKeyPair().public} ${name}\n`;
  lineOf = { a: line('a'), b: line('b') };
});

/** `service.keys` leads through `current`, a link to the directory `a`, to the file with key `a`; `b` has the other key. */
function makeSite(): string {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(join(dir, 'operator.keys'), lineOf.a);
  for (const name of NAMES) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'keys'), lineOf[name]);
  }
  symlinkSync('a', join(dir, 'current'));
  symlinkSync('current/keys', join(dir, 'service.keys'));
  return dir;
}

async function openRing(dir: string, options: KeyRingOptions) {
  const lines: { readonly msg: string; readonly err?: string }[] = [];
  const log = await createLogger('test', 'warn', {
    write: (bytes) => {
      lines.push(JSON.parse(Buffer.from(bytes).toString()));
      return bytes.length;
    },
  });
  const files = { operator: join(dir, 'operator.keys'), agent: join(dir, 'service.keys') };
  const ring = openKeyRing(files, log, options);
  onTestFinished(() => ring.close());
  return { ring, lines };
}

function point(link: string, target: string): void {
  symlinkSync(target, `${link}.new`);
  renameSync(`${link}.new`, link);
}

/** Changes something and waits until the ring has taken keys. */
async function changing(ring: KeyRing, change: () => void): Promise<void> {
  const taken = new Promise<void>((resolve) => ring.onChange(resolve));
  change();
  await taken;
}

function expectAgent(ring: KeyRing, name: Name): void {
  for (const [other, line] of Object.entries(lineOf)) {
    const [key] = parseAuthorizedKeys(line, 'agent').keys;
    if (key === undefined) throw new Error('no key');
    expect(ring.find('agent', key.blob) !== undefined, other).toBe(other === name);
  }
}

// More than one change, as the first may be found by the check that follows the opening of the watches.
const ROUNDS = ['b', 'a', 'b'] as const;

test('a link that is pointed elsewhere is noticed by an event alone', async () => {
  const dir = makeSite();
  const { ring } = await openRing(dir, { backstopMs: Number.POSITIVE_INFINITY });
  for (const name of ROUNDS) {
    await changing(ring, () => point(join(dir, 'service.keys'), `${name}/keys`));
    expectAgent(ring, name);
  }
});

test('a link to a directory on the way that is pointed elsewhere is noticed by an event alone', async () => {
  const dir = makeSite();
  const { ring } = await openRing(dir, { backstopMs: Number.POSITIVE_INFINITY });
  for (const name of ROUNDS) {
    await changing(ring, () => point(join(dir, 'current'), name));
    expectAgent(ring, name);
  }
});

test('a file that a link leads to since a moment is noticed when it changes, by an event alone', async () => {
  const dir = makeSite();
  const { ring } = await openRing(dir, { backstopMs: Number.POSITIVE_INFINITY });
  await changing(ring, () => point(join(dir, 'current'), 'b'));
  for (const name of ['a', 'b', 'a'] as const) {
    await changing(ring, () => writeFileSync(join(dir, 'b', 'keys'), lineOf[name]));
    expectAgent(ring, name);
  }
});

test('directories that cannot be watched are logged once, and the checks without events go on', async () => {
  const dir = makeSite();
  trackNativeWatches(() => {
    throw Object.assign(new Error('ENOSPC: no watch is left'), { code: 'ENOSPC' });
  });
  const { ring, lines } = await openRing(dir, { backstopMs: 20 });
  for (const name of ROUNDS) {
    await changing(ring, () => point(join(dir, 'current'), name));
    expectAgent(ring, name);
  }
  expect(lines.map(({ msg }) => msg)).toEqual([
    'a directory of the key files cannot be watched: changes are noticed by a check every 0.02 s',
  ]);
  expect(lines[0]?.err).toMatch(/ENOSPC/);
});

test('closing leaves no watch', async () => {
  const native = trackNativeWatches();
  const dir = makeSite();
  const { ring } = await openRing(dir, { backstopMs: Number.POSITIVE_INFINITY });
  await changing(ring, () => point(join(dir, 'current'), 'b'));
  expect(native.open()).not.toEqual([]);
  await ring.close();
  expect(native.open()).toEqual([]);
});
