import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { LayerTasks } from '@deploy-tools/registry/ingest/layer-tasks.js';
import { runInProcess } from '@deploy-tools/registry/ingest/run-in-process.js';
import { verifyLayer } from '@deploy-tools/registry/ingest/verify-layer.js';
import { DEFAULT_UNPACK_POLICY } from '@deploy-tools/shared/archive/unpack-policy.js';
import { ByteWriter } from '@deploy-tools/shared/layers/byte-writer.js';
import { zstdVersion } from '@deploy-tools/shared/layers/frame.js';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  END_OF_ARCHIVE,
  headerOf,
  paxOf,
  type RawEntry,
  sealed,
  tarOf,
} from '../../../shared/test/archive/tar-builder.js';
import { kindOf, kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { startScriptWithFileLimit } from '../../../shared/test/support/script-process.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { contentOf, exists, LayerFixture, noise, readLayer } from './layer-fixture.js';

let fixture: LayerFixture;
beforeEach(() => {
  fixture = new LayerFixture(temporaryDirectory());
});

const NEVER = new AbortController().signal;
const members: readonly RawEntry[] = [
  { name: './', flag: '5', mode: 0o755 },
  { name: './bin/', flag: '5', mode: 0o755 },
  { name: './bin/run', content: '#!/bin/sh\n', mode: 0o4755, mtime: 1_600_000_000 },
  { name: './bin/again', flag: '1', linkName: './bin/run', mode: 0o4755, mtime: 1_600_000_000 },
  { name: './empty', content: '' },
  { name: './big', content: noise(1, 500_000) },
  { name: './same', content: noise(1, 500_000) },
  { name: './link', flag: '2', linkName: 'bin/run', mode: 0o777 },
];

describe('LayerTasks.ingest', () => {
  it('lists every entry in order', async () => {
    const { ingested, files } = await fixture.ingest(tarOf(members));
    const { root, entries, times } = readLayer(files);
    expect(entries.map(({ type, path, mode, target }) => [type, path, mode, target])).toEqual([
      ['directory', '', 0o755, ''],
      ['file', 'big', 0o644, ''],
      ['directory', 'bin', 0o755, ''],
      ['file', 'bin/again', 0o4755, ''],
      ['file', 'empty', 0o644, ''],
      ['symlink', 'link', 0o777, 'bin/run'],
      ['file', 'same', 0o644, ''],
      ['hardlink', 'bin/run', 0, 'bin/again'],
    ]);
    expect(times[3]).toEqual({ seconds: 1_600_000_000, nanoseconds: 0 });
    expect(times[7]).toEqual({ seconds: 0, nanoseconds: 0 });
    expect(ingested).toMatchObject({ entries: 8, bytes: 1_000_010, notes: [] });
    expect(root).toMatchObject({ entries: 8, contentBytes: 1_000_010, pack: ingested.pack });
    expect(hash('sha256', readFileSync(files.manifest))).toBe(ingested.manifest.hash);
    expect(hash('sha256', readFileSync(files.pack))).toBe(ingested.pack.hash);
  });

  it('keeps the content of every file, once', async () => {
    const { files } = await fixture.ingest(tarOf(members));
    const contents = contentOf(files);
    expect(contents.get('big')?.equals(noise(1, 500_000))).toBe(true);
    expect(contents.get('same')?.equals(noise(1, 500_000))).toBe(true);
    expect(contents.get('bin/again')?.toString()).toBe('#!/bin/sh\n');
    expect(contents.get('empty')?.length).toBe(0);
    expect(readFileSync(files.pack).length).toBeLessThan(505_000);
  });

  it('writes the example of docs/manifest-and-pack.md', async () => {
    const { files } = await fixture.ingest(
      tarOf([
        { name: 'a/', flag: '5', mode: 0o755 },
        { name: 'a/x', content: 'hello\n', mtime: 1_500_000_007 },
        { name: 'b', flag: '1', linkName: 'a/x' },
      ]),
    );
    const page = readFileSync(join(import.meta.dirname, '../../../../docs/manifest-and-pack.md'), 'utf8');
    const dumps = [...page.matchAll(/^```hex\n([^`]*)```/gm)].map(([, text]) =>
      text?.replaceAll(/#.*|\s/g, ''),
    );
    const compressor = new ByteWriter();
    compressor.varint(zstdVersion());
    const root = readFileSync(files.manifest).toString('hex');
    expect(root.replace(compressor.finish().toString('hex'), '8b52')).toBe(dumps[0]);
    expect(readFileSync(files.pack).toString('hex')).toBe(dumps[1]);
  });

  it('takes an archive without entries', async () => {
    const { ingested, files } = await fixture.ingest(tarOf([]));
    expect(ingested).toMatchObject({ entries: 0, bytes: 0, pack: { size: 8 } });
    expect(readLayer(files).entries).toEqual([]);
  });

  it('gives the same whatever order a directory is listed in, but for the archive’s own hash', async () => {
    const files = members.filter(({ flag = '0' }) => flag === '0' || flag === '2');
    const directories = members.filter(({ flag }) => flag === '5');
    const expected = await fixture.ingest(tarOf([...directories, ...files]));
    const { archive: _archive, ...rest } = readLayer(expected.files).root;
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(files, { minLength: files.length }), async (shuffled) => {
        const made = await fixture.ingestHere(tarOf([...directories, ...shuffled]));
        expect(made.ingested.pack).toEqual(expected.ingested.pack);
        expect(readLayer(made.files).root).toMatchObject(rest);
        expect(readFileSync(made.files.pack).equals(readFileSync(expected.files.pack))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('gives the same with the second thread as one chunk after the other', async () => {
    const large = Array.from({ length: 60 }, (_, at) => noise(at, 250_000 + at));
    const archive = tarOf(large.map((content, at) => ({ name: `f${at}`, content })));
    const { files, ingested } = await fixture.ingest(archive);
    const contents = contentOf(files);
    for (const [at, content] of large.entries()) expect(contents.get(`f${at}`)?.equals(content)).toBe(true);
    const again = await fixture.ingest(execFileSync('gzip', ['-1c'], { input: archive, maxBuffer: 2 ** 30 }));
    expect(again.ingested.pack).toEqual(ingested.pack);
    await new LayerTasks().verify(files, NEVER);
  });

  it('reads an archive to its end, whatever follows the last entry', async () => {
    const tar = tarOf(members);
    const plain = await fixture.ingest(tar);
    const zeros = Buffer.alloc(700_000);
    const gzip = execFileSync('gzip', ['-c'], { input: tar });
    const zstd = execFileSync('zstd', ['-c'], { input: Buffer.concat([tar, zeros]) });
    for (const archive of [Buffer.concat([tar, zeros]), Buffer.concat([gzip, zeros]), zstd]) {
      expect((await fixture.ingest(archive)).ingested.pack).toEqual(plain.ingested.pack);
    }
  });

  it('reads what GNU tar makes of a real tree', async () => {
    const tree = join(import.meta.dirname, '..');
    const path = join(fixture.dir, 'real.tar.gz');
    execFileSync('tar', ['czf', path, '--format=pax', '-C', tree, '.']);
    const { files, ingested } = await fixture.ingest(readFileSync(path));
    const listed = execFileSync('tar', ['tzf', path], { encoding: 'utf8' }).trim().split('\n');
    expect(ingested.entries).toBe(listed.length);
    for (const [name, content] of contentOf(files))
      expect(content.equals(readFileSync(join(tree, name)))).toBe(true);
    const verified = await new LayerTasks().verify(files, NEVER);
    expect(verified).toMatchObject({ entries: ingested.entries, bytes: ingested.bytes, pack: ingested.pack });
  });
});

describe('LayerTasks.ingest: what it refuses', () => {
  const gzip = (input: Uint8Array): Buffer => execFileSync('gzip', ['-c'], { input });
  const tar = tarOf(members);
  it.each([
    ['something else', Buffer.from('something else'), 'invalid'],
    ['nothing', Buffer.alloc(0), 'invalid'],
    ['half of a gzip', gzip(tar).subarray(0, 1000), 'corrupt'],
    ['half of a tar', tar.subarray(0, 20_000), 'corrupt'],
    ['a path that leaves', tarOf([...members, { name: '../x', content: 'x' }]), 'unsafe'],
    ['a device', tarOf([{ name: 'x', flag: '3' }]), 'unsafe'],
    ['an owner that no manifest holds', Buffer.concat([negativeOwner(), END_OF_ARCHIVE]), 'unsupported'],
  ])('%s', async (_what, archive, kind) => {
    const task = fixture.task(archive);
    expect(await kindOfRejection(new LayerTasks().ingest(task, NEVER))).toBe(kind);
    expect(exists(task.into)).toBe(false);
  });

  it('more entries than the policy allows', async () => {
    const task = fixture.task(tar, { policy: { ...DEFAULT_UNPACK_POLICY, maxEntries: 3 } });
    expect(await kindOfRejection(new LayerTasks().ingest(task, NEVER))).toBe('too-large');
    expect(exists(task.into)).toBe(false);
  });

  it('an archive that is not what its hash says', async () => {
    const task = fixture.task(tar, { hash: '00'.repeat(32) });
    expect(await kindOfRejection(new LayerTasks().ingest(task, NEVER))).toBe('corrupt');
    expect(exists(task.into)).toBe(false);
  });

  it('an archive that is not there', async () => {
    const task = fixture.task(tar, { archive: join(fixture.dir, 'absent') });
    expect(await kindOfRejection(new LayerTasks().ingest(task, NEVER))).toBe('not-found');
  });

  it('leaves nothing when it is stopped, at whatever time', async () => {
    const large = tarOf(
      Array.from({ length: 40 }, (_, at) => ({ name: `f${at}`, content: noise(at, 200_000) })),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 150 }), async (ms) => {
        const task = fixture.task(large);
        const kind = await kindOfRejection(new LayerTasks().ingest(task, AbortSignal.timeout(ms)));
        expect(['cancelled', 'nothing thrown']).toContain(kind);
        if (kind === 'cancelled') expect(exists(task.into)).toBe(false);
      }),
      { numRuns: 10 },
    );
  });

  it('says that there is no space, from either thread', async () => {
    const program = join(fixture.dir, 'limited.mjs');
    writeFileSync(program, LIMITED);
    const contents = [noise(1, 3_000_000), ...Array.from({ length: 40 }, (_, at) => noise(at, 200_000))];
    for (const count of [1, contents.length]) {
      const archive = tarOf(contents.slice(0, count).map((content, at) => ({ name: `f${at}`, content })));
      const task = fixture.task(archive);
      const limited = startScriptWithFileLimit(2000, START, program, JSON.stringify(task));
      expect(await limited.line()).toBe('no-space');
      expect(exists(task.into)).toBe(false);
    }
  });
});

const ingest = createRequire(import.meta.url).resolve('@deploy-tools/registry/ingest/layer-tasks.js');
/** A program, since threads cannot be started from the text of a module. */
const LIMITED = `
import { LayerTasks } from ${JSON.stringify(ingest)};
process.on('SIGXFSZ', () => {});
await new LayerTasks().ingest(JSON.parse(process.argv[2]), new AbortController().signal).then(
  () => console.log('done'),
  (error) => console.log(error.kind),
);
`;
const START = `
import { spawnSync } from 'node:child_process';
spawnSync(process.execPath, process.argv.slice(1), { stdio: 'inherit' });
`;

describe('LayerTasks.ingest: memory', () => {
  /** A name that leads outside, behind records that would take 180 MB if they were kept. */
  function bomb(): Buffer {
    const value = 'x'.repeat(60_000);
    const headers = Array.from({ length: 3000 }, (_, at) => paxOf({ [`a${at}`]: value }, 'g'));
    const tar = Buffer.concat([...headers, tarOf([{ name: '../../etc/cron.d/x', content: 'x' }])]);
    return execFileSync('gzip', ['-1c'], { input: tar, maxBuffer: 2 ** 30 });
  }

  const many = tarOf(Array.from({ length: 60_000 }, (_, at) => ({ name: `${'d'.repeat(80)}${at}` })));

  it('is not taken by extended headers that have no use: what follows them is refused', async () => {
    const runner = new LayerTasks({ thread: 32, process: 1 });
    const task = fixture.task(bomb());
    expect(await kindOfRejection(runner.ingest(task, NEVER))).toBe('unsafe');
  });

  it('beyond that of a thread is that of a process, with the same result', async () => {
    const expected = await fixture.ingest(many);
    const task = fixture.task(many);
    const ingested = await new LayerTasks({ thread: 8, process: 512 }).ingest(task, NEVER);
    expect(ingested).toEqual(expected.ingested);
    expect(readFileSync(task.into.pack).equals(readFileSync(expected.files.pack))).toBe(true);
  });

  it('beyond that of a process is a refusal, and leaves nothing', async () => {
    const task = fixture.task(many);
    const runner = new LayerTasks({ thread: 8, process: 9 });
    await expect(runner.ingest(task, NEVER)).rejects.toMatchObject({
      kind: 'too-large',
      message: expect.stringContaining('more than 9 MiB of memory'),
    });
    expect(exists(task.into)).toBe(false);
  });

  it('is given back at once when a process is stopped', async () => {
    const task = fixture.task(many);
    const stop = new AbortController();
    const ended = kindOfRejection(runInProcess({ kind: 'ingest', given: task }, 512, stop.signal));
    stop.abort();
    expect(await ended).toBe('nothing thrown');
  });
});

describe('LayerTasks.ingest: reuse', () => {
  const next = [...members.slice(0, -1), { name: 'new', content: noise(2, 90_000) }];

  it('gives the same as without', async () => {
    const first = await fixture.ingest(tarOf(members));
    const plain = await fixture.ingest(tarOf(next));
    const reused = await fixture.ingest(tarOf(next), { reuse: [first.files] });
    expect(reused.ingested).toEqual(plain.ingested);
    expect(readFileSync(reused.files.pack).equals(readFileSync(plain.files.pack))).toBe(true);
  });

  it('does without an earlier pack that is gone, cut or another’s, and says so', async () => {
    const first = await fixture.ingest(tarOf(members));
    const plain = await fixture.ingest(tarOf(next));
    const other = await fixture.ingest(tarOf(next.slice(2)));
    const gone = { ...first.files, pack: join(fixture.dir, 'gone') };
    const swapped = { manifest: first.files.manifest, pack: other.files.pack };
    const reused = await fixture.ingest(tarOf(next), { reuse: [gone, swapped] });
    expect(reused.ingested.pack).toEqual(plain.ingested.pack);
    expect(reused.ingested.notes.length).toBe(2);
    truncateSync(first.files.pack, readFileSync(first.files.pack).length - 10);
    const cut = await fixture.ingest(tarOf(next), { reuse: [first.files] });
    expect(cut.ingested.pack).toEqual(plain.ingested.pack);
    expect(cut.ingested.notes.join()).toContain('is damaged');
  });

  it('never takes over a byte that is damaged', async () => {
    const first = await fixture.ingest(tarOf(members));
    const plain = await fixture.ingest(tarOf(next));
    const bytes = readFileSync(first.files.pack);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (at) => {
        const damaged = { manifest: first.files.manifest, pack: join(fixture.dir, 'damaged') };
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 0x40;
        writeFileSync(damaged.pack, changed);
        const reused = await fixture.ingestHere(tarOf(next), { reuse: [damaged] });
        expect(reused.ingested.pack).toEqual(plain.ingested.pack);
      }),
      { numRuns: 10 },
    );
  });
});

describe('LayerTasks.verify', () => {
  it('finds any damage', async () => {
    const { files } = await fixture.ingest(tarOf(members));
    await new LayerTasks().verify(files, NEVER);
    const whole = { manifest: readFileSync(files.manifest), pack: readFileSync(files.pack) };
    const place = fc.record({ file: fc.constantFrom('manifest' as const, 'pack' as const), at: fc.nat() });
    fc.assert(
      fc.property(place, ({ file, at }) => {
        const changed = Buffer.from(whole[file]);
        const byte = at % changed.length;
        changed[byte] = (changed[byte] ?? 0) ^ 0x01;
        writeFileSync(files[file], changed);
        const outcome = kindOf(() => verifyLayer(files));
        writeFileSync(files[file], whole[file]);
        // The archive's hash, its size and the compressor are the root's word alone, which its own digest proves.
        if (file === 'manifest' && byte < 60)
          expect(['corrupt', 'unsupported', 'nothing thrown']).toContain(outcome);
        else expect(outcome).toBe('corrupt');
      }),
      { numRuns: 200 },
    );
  });

  it('says what is missing', async () => {
    const { files } = await fixture.ingest(tarOf(members));
    rmSync(files.pack);
    expect(await kindOfRejection(new LayerTasks().verify(files, NEVER))).toBe('not-found');
  });
});

/** A member whose owner is -1, in GNU's base-256. */
function negativeOwner(): Buffer {
  const header = headerOf({ name: 'x' }, 0);
  header.fill(0xff, 108, 116);
  return sealed(header);
}
