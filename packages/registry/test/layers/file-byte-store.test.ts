import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileByteStore } from '@deploy-tools/registry/layers/file-byte-store.js';
import { describe, expect, test } from 'vitest';
import { startScript, startScriptWithFileLimit } from '../../../shared/test/support/script-process.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { byteStoreContract } from '../contract/byte-store-contract.js';
import { hashOf } from '../contract/meta-samples.js';

byteStoreContract('files', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  return {
    store: await FileByteStore.open(dir),
    reopen: () => FileByteStore.open(dir),
    cleanUp: async () => rmSync(dir, { recursive: true }),
  };
});

describe('on disk', () => {
  test('archives are files/HASH, byte for byte, and only their owner reads them', async () => {
    const dir = temporaryDirectory();
    const store = await FileByteStore.open(dir);
    const upload = await store.stage();
    await upload.write(Buffer.from('abc'), 0);
    const { hash } = await upload.seal();
    await store.promote(hash);
    expect(readFileSync(join(dir, 'files', hash), 'utf8')).toBe('abc');
    for (const name of ['files', 'uploads']) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o700);
    expect(statSync(join(dir, 'files', hash)).mode & 0o777).toBe(0o600);
  });

  test('what is not named by a hash is not an archive', async () => {
    const dir = temporaryDirectory();
    const store = await FileByteStore.open(dir);
    writeFileSync(join(dir, 'files', 'README'), 'x');
    symlinkSync('/nowhere', join(dir, 'files', '0'.repeat(64)));
    expect(await store.archives()).toEqual([]);
  });
});

/** Uploads until a write is refused; tells how, and what is left. */
const FILLER = `
  import { FileByteStore } from '@deploy-tools/registry/layers/file-byte-store.js';
  const store = await FileByteStore.open(process.argv[1]);
  const small = await store.stage();
  await small.write(Buffer.alloc(1000, 1), 0);
  const kept = await small.seal();
  const upload = await store.stage();
  let kind = 'none';
  for (let at = 0; at < 4e6 && kind === 'none'; at += 1e5) {
    await upload.write(Buffer.alloc(1e5, 2), at).catch((error) => { kind = error.kind + ': ' + error.message; });
  }
  const seal = await upload.seal().then(() => 'sealed', (error) => error.kind);
  const left = (await store.uploads()).map(({ hash }) => hash);
  console.log(JSON.stringify({ kind, seal, left, kept: kept.hash }));
`;

test('a full disk refuses a write as no-space, and keeps what was sealed', async () => {
  const dir = temporaryDirectory();
  const filler = startScriptWithFileLimit(1000, FILLER, dir);
  const { kind, left, kept } = JSON.parse(await filler.line()) as {
    kind: string;
    left: string[];
    kept: string;
  };
  expect([kind, left]).toEqual([`no-space: the registry's disk is full, at ${join(dir, 'uploads')}`, [kept]]);
  expect(readdirSync(join(dir, 'uploads'))).toEqual([kept]);
});

/** Seals and promotes uploads of known content, and tells which were acknowledged. */
const UPLOADER = `
  import { writeSync } from 'node:fs';
  import { FileByteStore } from '@deploy-tools/registry/layers/file-byte-store.js';
  const [dir, first] = process.argv.slice(1);
  const store = await FileByteStore.open(dir);
  for (let number = Number(first); ; number += 1) {
    const upload = await store.stage();
    await upload.write(Buffer.from('content ' + number), 0);
    const { hash } = await upload.seal();
    if (number % 2 === 0) await store.promote(hash);
    writeSync(1, number + '\\n');
  }
`;

test('a process killed while it uploads leaves every acknowledged upload, and no half of one', async () => {
  const dir = temporaryDirectory();
  const acknowledged: number[] = [];
  for (const lines of [2, 11, 30]) {
    const uploader = startScript(UPLOADER, dir, String((acknowledged.at(-1) ?? -1) + 1));
    for (let line = 0; line < lines; line += 1) acknowledged.push(Number(await uploader.line()));
    await uploader.kill();
    const store = await FileByteStore.open(dir);
    expect(await store.clean()).toBeLessThanOrEqual(1);
    const uploads = new Set((await store.uploads()).map(({ hash }) => hash));
    const archives = new Set((await store.archives()).map(({ hash }) => hash));
    for (const number of acknowledged) {
      const hash = hashOf(`content ${number}`);
      expect(uploads.has(hash)).toBe(true);
      if (number % 2 === 0) expect(archives.has(hash)).toBe(true);
    }
    for (const [place, hashes] of [
      ['uploads', uploads],
      ['files', archives],
    ] as const) {
      for (const hash of hashes) expect(hashOf(readFileSync(join(dir, place, hash), 'utf8'))).toBe(hash);
    }
  }
});
