import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { writeState } from '@deploy-tools/agent/deploy/state-file.js';
import { SourceReleases } from '@deploy-tools/agent/programs/sourced/source-releases.js';
import { TakenReleases } from '@deploy-tools/agent/programs/sourced/taken-release.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import { parseSourceUrl } from '@deploy-tools/sources/source-url.js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { startGithub } from '../../../../../test/support/github-server.js';
import { testScope } from '../../../../../test/support/scope.js';
import { makeTar } from '../../../../shared/test/image/make-image.js';
import { kindOfRejection } from '../../../../shared/test/support/kind-of.js';
import { temporaryDirectory } from '../../../../shared/test/support/temporary-directory.js';
import { agentContext } from '../../agent-context.js';

const URL = 'ghr://owner/repo?os=linux&arch=amd64';
const POLL_MS = 10_000;

const archive = (content: string) => ({
  'app_linux_amd64.tar.gz': gzipSync(makeTar([{ path: 'app', content }])),
});

async function setUp() {
  const github = await startGithub(testScope());
  const dir = temporaryDirectory();
  const context = await agentContext(dir, { name: 'shop' });
  const log = pino({ level: 'silent' });
  const open = async () => {
    const source = await openSource(URL, { environment: { GITHUB_API_URL: github.url }, log });
    const taken = new TakenReleases(dir, URL, log);
    const { wants } = parseSourceUrl(URL);
    const incoming = join(dir, 'incoming');
    return new SourceReleases({ source, wants, taken, incoming, pollMs: POLL_MS, random: () => 1, log });
  };
  const downloads = () => github.requests.filter(({ on }) => on === 'store').length;
  return { github, dir, context, open, downloads, releases: await open() };
}

test('the newest release is fetched once, also through a restart of the agent; what is damaged or gone of it, again', async () => {
  const { github, dir, context, open, downloads, releases } = await setUp();
  github.publish('v1.0.0', archive('one'));
  const config = await releases.wanted(context);
  expect(config).toMatchObject({ name: 'shop', layers: [{ name: 'shop', version: 'v1.0.0' }] });
  const cached = join(context.paths.cache, config.layers[0]?.hash ?? '');
  expect(existsSync(cached)).toBe(true);
  expect(await releases.wanted(context)).toBe(config);
  expect(github.requests.at(-1)?.status).toBe(304);
  const restarted = await open();
  expect(await restarted.wanted(context)).toEqual(config);
  expect(downloads()).toBe(1);

  writeFileSync(cached, 'damaged');
  await restarted.fetch(context, config);
  expect(readFileSync(cached).length).toBe(config.layers[0]?.size);
  expect(downloads()).toBe(2);
  writeFileSync(join(dir, 'source.json'), '{');
  expect((await (await open()).wanted(context)).hash).toBe(config.hash);
  expect(downloads()).toBe(3);
});

test('a release that is not what it was, or not there, is not fetched again', async () => {
  const { github, context, releases } = await setUp();
  github.publish('v1.0.0', archive('one'));
  const config = await releases.wanted(context);
  github.publish('v1.0.0', archive('another'));
  expect(await releases.wanted(context)).toBe(config);
  rmSync(context.paths.cache, { recursive: true });
  expect(await kindOfRejection(releases.fetch(context, config))).toBe('corrupt');
  github.remove('v1.0.0');
  expect(await kindOfRejection(releases.fetch(context, config))).toBe('not-found');
  github.publish('v0.9.0', archive('older'));
  expect(await releases.wanted(context)).toBe(config);
});

test('a source without releases is looked at as often as ever, one that fails less often, and never before it allows it', async () => {
  const { github, context, releases } = await setUp();
  expect(await kindOfRejection(releases.wanted(context))).toBe('not-found');
  expect(releases.patience()).toBeLessThan(1.2 * POLL_MS);
  const patience = [];
  for (let failures = 0; failures < 3; failures += 1) {
    github.answer({ status: 500 });
    await releases.wanted(context).catch(() => undefined);
    patience.push(releases.patience());
  }
  expect(patience).toEqual([2, 4, 8].map((times) => times * POLL_MS));
  github.answer({ status: 429, headers: { 'retry-after': '3600' } });
  await releases.wanted(context).catch(() => undefined);
  expect(releases.patience()).toBeGreaterThan(3_590_000);
});

test('what was fetched before is gone on with while the source is away, and not looked for when paused', async () => {
  const { github, context, open } = await setUp();
  github.publish('v1.0.0', archive('one'));
  const config = await (await open()).wanted(context);
  const restarted = await open();
  github.answer({ status: 500 });
  expect(await restarted.wanted(context)).toEqual(config);
  const asked = github.requests.length;
  expect(await restarted.wanted(context)).toEqual(config);
  expect(github.requests.length).toBe(asked);
  restarted.lookNow();
  expect(await restarted.wanted(context)).toEqual(config);
  expect(github.requests.length).toBe(asked + 1);
  writeState(context.paths.state, config);
  github.answer({ status: 500 });
  await expect(restarted.wanted(context)).rejects.toThrow();
  context.pause.begin({});
  const before = github.requests.length;
  expect(await restarted.wanted(context)).toEqual(config);
  expect(github.requests.length).toBe(before);
});

test('a source that was away is looked at again in time, also when the clock was ahead then and is set right', async () => {
  const { github, context, open } = await setUp();
  github.publish('v1.0.0', archive('one'));
  await (await open()).wanted(context);
  const restarted = await open();
  let passed = 0;
  const timers = { ...context.timers, now: () => passed };
  const at = (year: number) => ({ ...context, timers, clock: () => new Date(`${year}-01-01T00:00:00Z`) });
  github.answer({ status: 500 });
  await restarted.wanted(at(2046));
  const asked = github.requests.length;
  passed = 3 * POLL_MS;
  await restarted.wanted(at(2026));
  expect(github.requests.length).toBeGreaterThan(asked);
});
