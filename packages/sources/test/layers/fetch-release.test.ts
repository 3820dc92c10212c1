import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { TAR_END, tarHeader } from '@deploy-tools/shared/archive/tar-blocks.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import { type FetchOptions, fetchRelease } from '@deploy-tools/sources/layers/fetch-release.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { type PickedRelease, selectRelease } from '@deploy-tools/sources/select/select-release.js';
import type { Source } from '@deploy-tools/sources/source.js';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import {
  type GithubServer,
  type GithubServerOptions,
  startGithub,
} from '../../../../test/support/github-server.js';
import { testScope } from '../../../../test/support/scope.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { patterned } from '../contract/source-contract.js';
import { wants } from '../select/releases.js';
import { rawZip } from './raw-zip.js';

const log = pino({ level: 'silent' });
const SIGNAL = new AbortController().signal;
const TGZ = 'app_linux_amd64.tar.gz';
const DIRECTORY = { type: 'directory', linkTarget: '', mode: 0o755, uid: 0, gid: 0, size: 0 } as const;
const ARCHIVE = gzipSync(
  Buffer.concat([tarHeader({ ...DIRECTORY, path: 'a', mtimeSeconds: 0, mtimeNanoseconds: 0 }), TAR_END]),
);

interface Site {
  readonly github: GithubServer;
  readonly source: Source;
  readonly dir: string;
  pick(): Promise<PickedRelease>;
  fetch(options?: Partial<FetchOptions>, signal?: AbortSignal): ReturnType<typeof fetchRelease>;
}

async function site(
  assets: Readonly<Record<string, Uint8Array>>,
  options?: GithubServerOptions,
): Promise<Site> {
  const github = await startGithub(testScope(), options);
  github.publish('v1.0.0', assets);
  const environment = { GITHUB_API_URL: github.url };
  const source = await openSource('ghr://owner/repo', { environment, log });
  const dir = temporaryDirectory();
  const pick = async (): Promise<PickedRelease> => {
    const picked = selectRelease((await source.list(undefined, SIGNAL)).releases, wants());
    if (picked.release === undefined) throw new Error(picked.reasons.join());
    return picked;
  };
  const fetch = async (some: Partial<FetchOptions> = {}, signal = SIGNAL) =>
    fetchRelease(source, await pick(), dir, signal, { checksum: 'when-present', log, ...some });
  return { github, source, dir, pick, fetch };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('fetchRelease', () => {
  test('an archive is a layer as it is, and nothing else is left', async () => {
    const { fetch, dir } = await site({ [TGZ]: ARCHIVE }, { digests: true });
    const hash = sha256(ARCHIVE);
    expect(await fetch()).toEqual([
      { path: join(dir, `${hash}.layer`), hash, size: ARCHIVE.length, name: TGZ },
    ]);
    expect(readdirSync(dir)).toEqual([`${hash}.layer`]);
    expect(readFileSync(join(dir, `${hash}.layer`)).equals(ARCHIVE)).toBe(true);
  });

  test('a single file and a zip file are packed, the same every time', async () => {
    for (const assets of [
      { app_linux_amd64: patterned(10_000) },
      { 'app_linux_amd64.zip': rawZip([{ name: 'a', content: 'x' }]) },
    ]) {
      const { fetch, dir } = await site(assets);
      const [layer] = await fetch();
      const bytes = readFileSync(layer?.path ?? '');
      expect(layer).toMatchObject({ hash: sha256(bytes), size: bytes.length });
      expect(gunzipSync(bytes).length).toBeGreaterThan(1024);
      expect(readdirSync(dir)).toEqual([`${layer?.hash}.layer`]);
      expect((await fetch())[0]?.hash).toBe(layer?.hash);
    }
  });

  test('a transfer that breaks goes on where it was', async () => {
    const { github, fetch } = await site({ app_linux_amd64: patterned(1_500_000) }, { direct: true });
    const transfers = () => github.requests.filter(({ url }) => /\/assets\/\d+$/.test(url));
    github.answer({ url: /\/assets\/\d+$/, cutAfter: 800_000 });
    github.answer({ url: /\/assets\/\d+$/, cutAfter: 400_000 });
    await fetch();
    const offsets = transfers().map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')?.[0]));
    expect(offsets.length).toBe(3);
    expect(offsets.at(-1)).toBeGreaterThan(0);
  });

  test('what an interruption left is gone on with by the next call', async () => {
    const { github, fetch, dir } = await site({ app_linux_amd64: patterned(1_500_000) }, { direct: true });
    github.answer({ url: /\/assets\/\d+$/, cutAfter: 800_000 });
    github.answer({ url: /\/assets\/\d+$/, status: 503, headers: { 'retry-after': '9' } });
    const failure: unknown = await fetch().catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'connect', retryAfterMs: 9000 } satisfies Partial<DeployError>);
    expect(readdirSync(dir).length).toBe(2);
    await fetch();
    expect(github.requests.at(-1)?.status).toBe(206);
  });

  test('content that was replaced meanwhile is not mixed with what was there', async () => {
    const { github, fetch, dir, source, pick } = await site({ [TGZ]: ARCHIVE }, { direct: true });
    const picked = await pick();
    github.answer({ url: /\/assets\/\d+$/, cutAfter: 20 });
    github.answer({ url: /\/assets\/\d+$/, status: 500 });
    expect(await kindOfRejection(fetch())).toBe('connect');
    github.publish('v1.0.0', { [TGZ]: gzipSync(gunzipSync(ARCHIVE), { level: 1 }) });
    const stale = fetchRelease(source, picked, dir, SIGNAL, { checksum: 'when-present', log });
    expect(await kindOfRejection(stale)).toBe('not-found');
    const [layer] = await fetch();
    expect(gunzipSync(readFileSync(layer?.path ?? '')).equals(gunzipSync(ARCHIVE))).toBe(true);
  });

  test('leftovers of other releases go, files of others stay', async () => {
    const { fetch, dir } = await site({ [TGZ]: ARCHIVE });
    const [part, layer] = [`${'0'.repeat(32)}.part`, `${'0'.repeat(64)}.layer`];
    for (const name of [part, `${part}.json`, `${part}.repacked`, layer, 'notes.txt'])
      writeFileSync(join(dir, name), '');
    await fetch();
    expect(readdirSync(dir).sort()).toEqual([`${sha256(ARCHIVE)}.layer`, 'notes.txt'].sort());
  });

  test('too large, not an archive, unsafe: refused, and nothing is left', async () => {
    const zip = 'app_linux_amd64.zip';
    for (const [assets, options, kind] of [
      [{ [TGZ]: ARCHIVE }, { maxArtifactBytes: 10 }, 'too-large'],
      [{ [TGZ]: Buffer.from('<html>') }, {}, 'invalid'],
      [{ [zip]: rawZip([{ name: '../x', content: 'x' }]) }, {}, 'unsafe'],
      [{ [zip]: rawZip([{ name: 'x', content: 'x' }]).subarray(0, -30) }, {}, 'corrupt'],
    ] as const) {
      const { fetch, dir } = await site(assets);
      expect(await kindOfRejection(fetch(options))).toBe(kind);
      expect(readdirSync(dir)).toEqual([]);
    }
  });

  test('stops when asked to', async () => {
    const { fetch, github } = await site({ app_linux_amd64: patterned(100_000) }, { direct: true });
    github.answer({ url: /\/assets\/\d+$/, stallAfter: 1000 });
    const controller = new AbortController();
    const fetching = fetch({}, controller.signal);
    while (!github.requests.some(({ url }) => /\/assets\/\d+$/.test(url))) await new Promise(setImmediate);
    controller.abort();
    expect(await kindOfRejection(fetching)).toBe('cancelled');
  });
});

describe('checksums', () => {
  const right = `${sha256(ARCHIVE)}  ${TGZ}\n`;
  const wrong = `${'0'.repeat(64)}  ${TGZ}\n`;
  const sha512 = createHash('sha512').update(ARCHIVE).digest('hex');

  test.each<[string, Record<string, string>, FetchOptions['checksum'], string]>([
    ['none', {}, 'when-present', 'nothing thrown'],
    ['a right list', { 'checksums.txt': right }, 'required', 'nothing thrown'],
    ['a right one of its own', { [`${TGZ}.sha512`]: sha512 }, 'required', 'nothing thrown'],
    ['a wrong list', { 'checksums.txt': wrong }, 'when-present', 'corrupt'],
    ['a wrong one of its own', { [`${TGZ}.sha256`]: wrong }, 'when-present', 'corrupt'],
    ['one right and one wrong', { 'checksums.txt': right, SHA256SUMS: wrong }, 'required', 'corrupt'],
    ['a list without it', { 'checksums.txt': '' }, 'when-present', 'nothing thrown'],
    ['a list without it, required', { 'checksums.txt': '' }, 'required', 'corrupt'],
  ])('%s', async (_title, lists, checksum, outcome) => {
    const files = Object.entries(lists).map(([name, text]) => [name, Buffer.from(text)] as const);
    const { fetch, dir } = await site({ [TGZ]: ARCHIVE, ...Object.fromEntries(files) });
    expect(await kindOfRejection(fetch({ checksum }))).toBe(outcome);
    expect(readdirSync(dir).length).toBe(outcome === 'corrupt' ? 0 : 1);
  });

  test('what the source itself vouches for is verified', async () => {
    const { fetch, github, dir } = await site({ app_linux_amd64: Buffer.from('right') }, { digests: true });
    github.answer({ url: /signature/, body: 'wrong' });
    expect(await kindOfRejection(fetch())).toBe('corrupt');
    expect(readdirSync(dir)).toEqual([]);
    expect((await fetch()).length).toBe(1);
  });
});
