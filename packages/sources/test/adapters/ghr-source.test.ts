import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import type { Artifact, Source } from '@deploy-tools/sources/source.js';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { type GithubServer, startGithub } from '../../../../test/support/github-server.js';
import { type Scope, testScope } from '../../../../test/support/scope.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { temporaryDirectory } from '../../../shared/test/support/temporary-directory.js';
import { patterned, readAll, sourceContract } from '../contract/source-contract.js';

const log = pino({ level: 'silent' });
const SIGNAL = new AbortController().signal;
const TOKEN = 'ghp_secret';

type Environment = Readonly<Record<string, string>>;

function follow(github: GithubServer, environment: Environment = {}, timeoutMs?: number): Promise<Source> {
  const own = { GITHUB_API_URL: github.url, ...environment };
  return openSource('ghr://owner/repo', { environment: own, log, timeoutMs });
}

async function caught(work: Promise<unknown>): Promise<DeployError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DeployError) return error;
  throw new Error(`no DeployError but ${String(error)}`);
}

async function firstArtifact(source: Source): Promise<Artifact> {
  const [artifact] = (await source.list(undefined, SIGNAL)).releases[0]?.artifacts ?? [];
  if (artifact === undefined) throw new Error('nothing was listed');
  return artifact;
}

/** Cleans up when it is told to, as a contract's site does. */
function ownScope(): Scope & { run(): Promise<void> } {
  const cleanups: (() => Promise<void> | void)[] = [];
  return {
    defer: (cleanup) => void cleanups.push(cleanup),
    run: async () => {
      for (const cleanup of cleanups) await cleanup();
    },
  };
}

for (const direct of [false, true]) {
  sourceContract(direct ? 'ghr, assets from the API' : 'ghr', async () => {
    const scope = ownScope();
    const github = await startGithub(scope, { direct, tokens: [TOKEN] });
    return {
      source: await follow(github, { GITHUB_TOKEN: TOKEN }),
      publish: async (tag, files) => github.publish(tag, files),
      remove: async (tag) => github.remove(tag),
      cleanUp: () => scope.run(),
    };
  });
}

describe('listing', () => {
  test('reads all pages, and again only what changed', async () => {
    const github = await startGithub(testScope());
    for (let at = 0; at < 250; at++) github.publish(`v1.0.${at}`, { app: Buffer.from('x') });
    const source = await follow(github);
    const first = await source.list(undefined, SIGNAL);
    expect(new Set(first.releases.map(({ tag }) => tag)).size).toBe(250);
    expect(github.requests.length).toBe(3);
    expect(await source.list(first, SIGNAL)).toBe(first);
    expect(github.requests.slice(3).map(({ status }) => status)).toEqual([304, 304, 304]);

    github.publish('v1.0.10', { late: Buffer.from('y') }); // on the last page
    const second = await source.list(first, SIGNAL);
    expect(github.requests.slice(6).map(({ status }) => status)).toEqual([304, 304, 200]);
    const changed = second.releases.find(({ tag }) => tag === 'v1.0.10');
    expect(changed?.artifacts.map(({ name }) => name)).toEqual(['app', 'late']);
    expect(second.releases.length).toBe(250);
    expect(await source.list(second, SIGNAL)).toBe(second);
  });

  test('is shorter when a page goes, and knows that', async () => {
    const github = await startGithub(testScope());
    for (let at = 0; at < 101; at++) github.publish(`v1.0.${at}`);
    const source = await follow(github);
    const first = await source.list(undefined, SIGNAL);
    github.remove('v1.0.0');
    const second = await source.list(first, SIGNAL);
    expect(second.releases.length).toBe(100);
    expect(await source.list(second, SIGNAL)).toBe(second);
  });

  test('leaves out drafts and assets that are not there yet, and keeps digests', async () => {
    const github = await startGithub(testScope(), { digests: true });
    github.publish('v1.0.0', { app: Buffer.from('content') }, { prerelease: true });
    github.publish('v1.0.0', { coming: Buffer.from('') }, { state: 'starter' });
    github.publish('v2.0.0', { app: Buffer.from('content') }, { draft: true });
    const { releases } = await (await follow(github)).list(undefined, SIGNAL);
    expect(releases).toMatchObject([
      {
        tag: 'v1.0.0',
        prerelease: true,
        artifacts: [
          {
            name: 'app',
            size: 7,
            digest: 'sha256:ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73',
          },
        ],
      },
    ]);
  });

  test.each([
    ['no JSON', '<html>'],
    ['no list', '{}'],
    ['no tag', '[{"assets":[]}]'],
    ['no assets', '[{"tag_name":"v1"}]'],
    ['null', '[null]'],
  ])('an answer that is not as documented: %s', async (_title, body) => {
    const github = await startGithub(testScope());
    github.answer({ body });
    expect(await kindOfRejection((await follow(github)).list(undefined, SIGNAL))).toBe('corrupt');
  });

  test('the next page is read from no other server', async () => {
    const github = await startGithub(testScope());
    const other = await startGithub(testScope());
    github.answer({ body: '[]', headers: { link: `<${other.url}/x>; rel="next"` } });
    const listing = (await follow(github, { GITHUB_TOKEN: TOKEN })).list(undefined, SIGNAL);
    expect(await kindOfRejection(listing)).toBe('corrupt');
    expect(other.requests).toEqual([]);
  });
});

describe('errors', () => {
  const USED_UP = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'in an hour' };

  test.each([
    [404, {}, 'not-found', undefined],
    [401, {}, 'denied', undefined],
    [403, {}, 'denied', undefined],
    [451, {}, 'denied', undefined],
    [500, {}, 'connect', undefined],
    [503, { 'retry-after': '7' }, 'connect', [7000, 7000]],
    [403, { 'retry-after': '30' }, 'connect', [30_000, 30_000]],
    [429, {}, 'connect', [60_000, 60_000]],
    [403, USED_UP, 'connect', [3_400_000, 3_602_000]],
    [429, USED_UP, 'connect', [3_400_000, 3_602_000]],
    [429, { 'retry-after': '999999999' }, 'connect', [86_400_000, 86_400_000]],
  ])('%d with %j', async (status, headers, kind, patience) => {
    const github = await startGithub(testScope());
    const reset = String(Math.floor(Date.now() / 1000) + 3600);
    const sent = headers === USED_UP ? { ...headers, 'x-ratelimit-reset': reset } : headers;
    github.answer({ status, headers: sent, body: '{"message":"said"}' });
    const error = await caught((await follow(github, { GITHUB_TOKEN: TOKEN })).list(undefined, SIGNAL));
    expect(error.kind).toBe(kind);
    if (patience === undefined) expect(error.retryAfterMs).toBeUndefined();
    else {
      expect(error.retryAfterMs).toBeGreaterThanOrEqual(patience[0] ?? 0);
      expect(error.retryAfterMs).toBeLessThanOrEqual(patience[1] ?? 0);
    }
    expect(`${error.message} ${error.hint}`).not.toContain(TOKEN);
  });

  test('a secondary limit without headers asks for a minute', async () => {
    const github = await startGithub(testScope());
    github.answer({ status: 403, body: '{"message":"You have exceeded a secondary rate limit."}' });
    expect((await caught((await follow(github)).list(undefined, SIGNAL))).retryAfterMs).toBe(60_000);
  });

  test('an answer that does not come is given up', async () => {
    const github = await startGithub(testScope());
    github.answer({ after: new Promise(() => {}) });
    expect(await kindOfRejection((await follow(github, {}, 50)).list(undefined, SIGNAL))).toBe('connect');
  });

  test('an answer that is slow is waited for', async () => {
    const github = await startGithub(testScope());
    github.publish('v1.0.0');
    let go = (): void => {};
    github.answer({
      after: new Promise<void>((resolve) => {
        go = resolve;
      }),
    });
    const listing = (await follow(github)).list(undefined, SIGNAL);
    go();
    expect((await listing).releases.length).toBe(1);
  });

  test('nobody listens', async () => {
    const environment = { GITHUB_API_URL: 'http://127.0.0.1:1' };
    const source = await openSource('ghr://owner/repo', { environment, log });
    expect(await kindOfRejection(source.list(undefined, SIGNAL))).toBe('connect');
  });

  test('a repository that was renamed is found where it is now', async () => {
    const github = await startGithub(testScope(), { tokens: [TOKEN] });
    github.publish('v1.0.0');
    github.answer({ status: 301, headers: { location: `${github.url}/repos/owner/repo/releases` } });
    const { releases } = await (await follow(github, { GITHUB_TOKEN: TOKEN })).list(undefined, SIGNAL);
    expect(releases.length).toBe(1);
  });

  test('redirects end', async () => {
    const github = await startGithub(testScope());
    github.answer({ status: 302, headers: { location: '/again' }, times: 100 });
    expect(await kindOfRejection((await follow(github)).list(undefined, SIGNAL))).toBe('invalid');
    expect(github.requests.length).toBeLessThan(20);
  });
});

describe('downloads', () => {
  test('the store is not shown the token, and goes on in the middle', async () => {
    const github = await startGithub(testScope(), { tokens: [TOKEN] });
    const bytes = patterned(400_000);
    github.publish('v1.0.0', { app: bytes });
    const source = await follow(github, { GITHUB_TOKEN: TOKEN });
    const artifact = await firstArtifact(source);
    github.answer({ url: /signature/, cutAfter: 0, after: Promise.resolve() });
    const cut = await source.open(artifact, { offset: 0 }, SIGNAL);
    expect(await kindOfRejection(readAll(cut.body))).toBe('connect');
    const rest = await source.open(artifact, { offset: 399_990, validator: cut.validator }, SIGNAL);
    expect(rest).toMatchObject({ offset: 399_990, size: 400_000 });
    expect((await readAll(rest.body)).equals(bytes.subarray(399_990))).toBe(true);
    const atStore = github.requests.filter(({ on }) => on === 'store');
    expect(atStore.map(({ status }) => status)).toEqual([200, 206]);
    expect(atStore.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test('changed content is read from its beginning, and so is an offset beyond the end', async () => {
    const github = await startGithub(testScope());
    github.publish('v1.0.0', { app: Buffer.from('content') });
    const source = await follow(github);
    const artifact = await firstArtifact(source);
    for (const from of [
      { offset: 3, validator: '"other"' },
      { offset: 7 },
      { offset: 3, validator: 'W/"weak"' },
    ]) {
      const { offset, body } = await source.open(artifact, from, SIGNAL);
      expect([offset, (await readAll(body)).toString()]).toEqual([0, 'content']);
    }
  });

  test('a body that stops coming is given up', async () => {
    const github = await startGithub(testScope());
    github.publish('v1.0.0', { app: patterned(100_000) });
    const artifact = await firstArtifact(await follow(github));
    github.answer({ url: /signature/, stallAfter: 1000 });
    const opening = (await follow(github, {}, 200)).open(artifact, { offset: 0 }, SIGNAL);
    expect(await kindOfRejection(opening.then(({ body }) => readAll(body)))).toBe('connect');
  });
});

describe('credentials', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const app = { id: '12', installation: '34', publicKey };
  const appVariables = { GITHUB_APP_ID: '12', GITHUB_APP_INSTALLATION_ID: '34' };

  test('GH_TOKEN before GITHUB_TOKEN', async () => {
    const github = await startGithub(testScope(), { tokens: [TOKEN] });
    const source = await follow(github, { GITHUB_TOKEN: 'other', GH_TOKEN: TOKEN });
    expect((await source.list(undefined, SIGNAL)).releases).toEqual([]);
  });

  test('none and wrong ones are denied', async () => {
    const github = await startGithub(testScope(), { tokens: [TOKEN] });
    for (const environment of [{}, { GITHUB_TOKEN: 'wrong' }] as Environment[]) {
      expect(await kindOfRejection((await follow(github, environment)).list(undefined, SIGNAL))).toBe(
        'denied',
      );
    }
  });

  test('a GitHub App gets one token for all requests', async () => {
    const github = await startGithub(testScope(), { app });
    const path = join(temporaryDirectory(), 'key.pem');
    writeFileSync(path, privateKey);
    const inOneLine = privateKey.replaceAll('\n', '\\n');
    for (const key of [{ GITHUB_APP_PRIVATE_KEY: inOneLine }, { GITHUB_APP_PRIVATE_KEY_PATH: path }]) {
      const before = github.requests.length;
      const source = await follow(github, { ...appVariables, ...key, GITHUB_TOKEN: 'not used' });
      await Promise.all([1, 2, 3].map(() => source.list(undefined, SIGNAL)));
      const asked = github.requests.slice(before).filter(({ url }) => url.endsWith('/access_tokens'));
      expect([asked.length, github.requests.length - before]).toEqual([1, 4]);
    }
  });

  test('a GitHub App asks anew after its token was refused', async () => {
    const github = await startGithub(testScope(), { app });
    const source = await follow(github, { ...appVariables, GITHUB_APP_PRIVATE_KEY: privateKey });
    await source.list(undefined, SIGNAL);
    github.answer({ status: 401, url: /releases/ });
    expect(await kindOfRejection(source.list(undefined, SIGNAL))).toBe('denied');
    await source.list(undefined, SIGNAL);
    expect(github.requests.filter(({ url }) => url.endsWith('/access_tokens')).length).toBe(2);
  });

  test.each<[string, Environment, string]>([
    ['no number', { ...appVariables, GITHUB_APP_ID: 'x' }, 'invalid'],
    ['no installation', { GITHUB_APP_ID: '12' }, 'invalid'],
    ['no key', appVariables, 'invalid'],
    ['a key that is none', { ...appVariables, GITHUB_APP_PRIVATE_KEY: 'secret' }, 'invalid'],
    ['a file that is not there', { ...appVariables, GITHUB_APP_PRIVATE_KEY_PATH: '/nowhere/key' }, 'denied'],
    ['a token with a line break', { GITHUB_TOKEN: 'secret\n' }, 'invalid'],
    ['an API that is no URL', { GITHUB_API_URL: 'secret' }, 'invalid'],
  ])('%s', async (_title, environment, kind) => {
    const error = await caught(openSource('ghr://owner/repo', { environment, log }));
    expect(error.kind).toBe(kind);
    expect(`${error.message} ${error.hint}`).not.toContain('secret');
  });
});

describe('reports', () => {
  test("a record in dewy's words", async () => {
    const github = await startGithub(testScope());
    github.publish('v1.0.0+blue', { app: Buffer.from('x') });
    const source = await follow(github);
    const shipped = {
      tag: 'v1.0.0+blue',
      command: 'assets',
      host: 'Web1',
      time: '2026-07-03T10:20:30.123Z',
    } as const;
    await source.report?.({ ...shipped, error: 'failed' }, SIGNAL);
    expect(github.requests).toEqual([]);
    await source.report?.({ ...shipped, error: undefined }, SIGNAL);
    expect(github.assetsOf('v1.0.0+blue')).toEqual(['app', 'shipped_to_web1_assets_at_20260703T102030Z.txt']);
  });

  test('of a release that is not there', async () => {
    const source = await follow(await startGithub(testScope()));
    const shipped = {
      tag: 'v1',
      command: 'server',
      host: 'h',
      time: '2026-07-03T10:20:30Z',
      error: undefined,
    } as const;
    expect(await kindOfRejection(source.report?.(shipped, SIGNAL) ?? Promise.resolve())).toBe('not-found');
  });
});
