import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { AgentContext } from '@deploy-tools/agent/deploy/agent-context.js';
import { writeState } from '@deploy-tools/agent/deploy/state-file.js';
import { SourceUpstream } from '@deploy-tools/agent/programs/sourced/source-upstream.js';
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
  const open = async (more: Partial<AgentContext> = {}) => {
    const source = await openSource(URL, { environment: { GITHUB_API_URL: github.url }, log });
    const taken = new TakenReleases(dir, URL, log);
    const { wants } = parseSourceUrl(URL);
    const incoming = join(dir, 'incoming');
    return new SourceUpstream({
      source,
      wants,
      taken,
      incoming,
      pollMs: POLL_MS,
      random: () => 1,
      context: { ...context, ...more },
    });
  };
  const downloads = () => github.requests.filter(({ on }) => on === 'store').length;
  return { github, dir, context, open, downloads, releases: await open() };
}

test('the newest release is fetched once, also through a restart of the agent; what is damaged or gone of it, again', async () => {
  const { github, dir, context, open, downloads, releases } = await setUp();
  github.publish('v1.0.0', archive('one'));
  const config = await releases.wanted(context.signal);
  expect(config).toMatchObject({ name: 'shop', layers: [{ name: 'shop', version: 'v1.0.0' }] });
  const cached = join(context.paths.cache, config.layers[0]?.hash ?? '');
  expect(existsSync(cached)).toBe(true);
  expect(await releases.wanted(context.signal)).toBe(config);
  expect(github.requests.at(-1)?.status).toBe(304);
  const restarted = await open();
  expect(await restarted.wanted(context.signal)).toEqual(config);
  expect(downloads()).toBe(1);

  writeFileSync(cached, 'damaged');
  await restarted.make(context.releases, { config, before: undefined });
  expect(readFileSync(cached).length).toBe(config.layers[0]?.size);
  expect(downloads()).toBe(2);
  writeFileSync(join(dir, 'source.json'), '{');
  expect((await (await open()).wanted(context.signal)).hash).toBe(config.hash);
  expect(downloads()).toBe(3);
});

test('a release that is not what it was, or not there, is not fetched again', async () => {
  const { github, context, releases } = await setUp();
  github.publish('v1.0.0', archive('one'));
  const config = await releases.wanted(context.signal);
  github.publish('v1.0.0', archive('another'));
  expect(await releases.wanted(context.signal)).toBe(config);
  rmSync(context.paths.cache, { recursive: true });
  expect(await kindOfRejection(releases.make(context.releases, { config, before: undefined }))).toBe(
    'corrupt',
  );
  github.remove('v1.0.0');
  expect(await kindOfRejection(releases.make(context.releases, { config, before: undefined }))).toBe(
    'not-found',
  );
  github.publish('v0.9.0', archive('older'));
  expect(await releases.wanted(context.signal)).toBe(config);
});

test('a source without releases is polled as often as ever, one that fails less often, and never before it allows it', async () => {
  const { github, context, releases } = await setUp();
  expect(await kindOfRejection(releases.wanted(context.signal))).toBe('not-found');
  expect(releases.retryAfterMs()).toBeLessThan(1.2 * POLL_MS);
  const delays = [];
  for (let failures = 0; failures < 3; failures += 1) {
    github.answer({ status: 500 });
    await releases.wanted(context.signal).catch(() => undefined);
    delays.push(releases.retryAfterMs());
  }
  expect(delays).toEqual([2, 4, 8].map((times) => times * POLL_MS));
  github.answer({ status: 429, headers: { 'retry-after': '3600' } });
  await releases.wanted(context.signal).catch(() => undefined);
  expect(releases.retryAfterMs()).toBeGreaterThan(3_590_000);
});

test('deploys what was fetched before while the source is away, and does not poll when paused', async () => {
  const { github, context, open } = await setUp();
  github.publish('v1.0.0', archive('one'));
  const config = await (await open()).wanted(context.signal);
  const restarted = await open();
  github.answer({ status: 500 });
  expect(await restarted.wanted(context.signal)).toEqual(config);
  const asked = github.requests.length;
  expect(await restarted.wanted(context.signal)).toEqual(config);
  expect(github.requests.length).toBe(asked);
  restarted.pollNow();
  expect(await restarted.wanted(context.signal)).toEqual(config);
  expect(github.requests.length).toBe(asked + 1);
  writeState(context.paths.state, config);
  github.answer({ status: 500 });
  await expect(restarted.wanted(context.signal)).rejects.toThrow();
  context.pause.begin({});
  const before = github.requests.length;
  expect(await restarted.wanted(context.signal)).toEqual(config);
  expect(github.requests.length).toBe(before);
});

test('a source that was away is polled again in time, also when the clock was ahead then and is set right', async () => {
  const { github, context, open } = await setUp();
  github.publish('v1.0.0', archive('one'));
  await (await open()).wanted(context.signal);
  let passed = 0;
  let year = 2046;
  const restarted = await open({
    timers: { ...context.timers, now: () => passed },
    clock: () => new Date(`${year}-01-01T00:00:00Z`),
  });
  github.answer({ status: 500 });
  await restarted.wanted(context.signal);
  const asked = github.requests.length;
  passed = 3 * POLL_MS;
  year = 2026;
  await restarted.wanted(context.signal);
  expect(github.requests.length).toBeGreaterThan(asked);
});
