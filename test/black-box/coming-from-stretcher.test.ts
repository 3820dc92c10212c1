import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { httpServer } from '../../packages/sources/test/objects/open-objects.js';
import { filledIn, type PairTest, pathToPrograms, testPairs } from '../support/command-pairs.js';
import { archiveKeys, KEEPS_LOG, type ManifestSite, makeManifestSite } from '../support/manifest-site.js';
import { describeWith, describeWithPython } from '../support/requires.js';
import { type RunResult, run } from '../support/run.js';
import { SWIFT, startS3Server } from '../support/s3-server.js';
import { testScope } from '../support/scope.js';
import { startSerf } from '../support/serf.js';
import { until } from '../support/until.js';

// Each test starts several programs, on a machine that may have much else to do.
vi.setConfig({ testTimeout: 180_000 });

const PAGE = 'coming-from-stretcher.md';
const FILES = { code: 'version 2', 'app.pid': 'of the archive', 'exclude.list': '*.log\n' };

/** What a web server has of a deployment. */
interface Served {
  readonly site: ManifestSite;
  readonly url: string;
  /** How often the archive was asked for. */
  readonly asked: () => number;
  /** Types a command there. */
  type(command: string, options?: { input?: string; env?: Record<string, string> }): Promise<RunResult>;
}

/** A manifest and its archive on a web server. @param before what the server does instead with a request for the archive. */
async function serve(
  before: (...args: [...Parameters<RequestListener>, number]) => boolean = () => false,
  files: Readonly<Record<string, string>> = FILES,
): Promise<Served> {
  const site = makeManifestSite(testScope());
  const archive = await site.pack('app.tar.gz', files);
  let asked = 0;
  const url = await httpServer(testScope(), (request, response) => {
    if (request.url === '/deploy.yml') response.end(readFileSync(join(site.root, 'deploy.yml')));
    else {
      asked += 1;
      if (!before(request, response, asked)) response.end(readFileSync(archive));
    }
  });
  site.manifest('deploy.yml', archiveKeys(archive, site.dest, `${url}/app.tar.gz`) + KEEPS_LOG);
  const type: Served['type'] = (command, { input = '', env = {} } = {}) =>
    run('sh', ['-c', command], { input, cwd: site.root, env: pathToPrograms(env) });
  return { site, url, asked: () => asked, type };
}

const codeAt = ({ dest }: ManifestSite): string | undefined =>
  existsSync(join(dest, 'code')) ? readFileSync(join(dest, 'code'), 'utf8') : undefined;

/** A destination with an earlier version of the application. */
function earlier({ dest }: ManifestSite): void {
  mkdirSync(dest, { recursive: true });
  for (const name of ['code', 'old', 'app.pid', 'app.log']) writeFileSync(join(dest, name), 'from before');
}

/** Flags that a deployment succeeds with. @param places what is in the test for what is in the page. */
const succeedsWith =
  (places: Record<string, string>, serving: () => Promise<Served>, told: RegExp): PairTest =>
  async (ours = '') => {
    const { site, url, type } = await serving();
    const done = await type(`${filledIn(ours, places)} ${url}/deploy.yml`);
    expect(done.stderr).toMatch(told);
    expect(done.status).toBe(0);
    expect(codeAt(site)).toBe('version 2');
  };

describeWith(['rsync'], 'with rsync', () => {
  testPairs(PAGE, 'stretcher', 'Commands', {
    'echo https://example.com/deploy.yml | stretcher': async (ours = '') => {
      const { site, url, type } = await serve();
      expect((await type(filledIn(ours, { 'https://example.com': url }))).status).toBe(0);
      expect(codeAt(site)).toBe('version 2');
    },

    'echo s3://example.com/deploy.yml | AWS_CONFIG_FILE=/etc/aws AWS_DEFAULT_PROFILE=deploy stretcher': {
      where: (title, body) => describeWithPython(...SWIFT, title, body),
      run: async (ours = '') => {
        const s3 = await startS3Server(testScope());
        const { site, type } = await serve();
        await s3.put('example.com', 'deploy.yml', site.read('deploy.yml') ?? '');
        const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, ...env } = s3.environment;
        const profile = `[profile deploy]\naws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`;
        writeFileSync(join(site.root, 'aws'), profile);
        const done = await type(filledIn(ours, { '/etc/aws': join(site.root, 'aws') }), { env });
        expect(done.status, done.stderr).toBe(0);
        expect(codeAt(site)).toBe('version 2');
      },
    },

    'consul watch -type event -name deploy stretcher': async (ours = '') => {
      const { site, url, type } = await serve();
      const handler = filledIn(ours, { 'consul watch -type event -name deploy ': '' });
      const hear = (payload: string) => {
        const event = { ID: 'b54fe110', Name: 'deploy', Payload: Buffer.from(payload).toString('base64') };
        return type(handler, { input: JSON.stringify([event]), env: { CONSUL_INDEX: '133' } });
      };
      expect((await hear(`${url}/deploy.yml`)).status).toBe(0);
      expect(codeAt(site)).toBe('version 2');
      const failed = await hear(`file://${site.root}/nothing.yml`);
      expect([failed.status, failed.stderr]).toEqual([0, expect.stringContaining('failed: ')]);
    },

    'serf agent -event-handler="user:deploy=stretcher >> /var/log/stretcher.log 2>&1"': {
      where: (title, body) => describeWith(['serf'], title, body),
      run: async (ours = '') => {
        const { site, url } = await serve();
        const there = filledIn(ours, { '/var/log': site.root });
        const handler = /^serf agent -event-handler="(.*)"$/.exec(there)?.[1];
        const flags = [`-event-handler=${handler}`];
        const serf = await startSerf(testScope(), 'host', flags, pathToPrograms());
        expect((await serf.event('deploy', `${url}/deploy.yml`)).status).toBe(0);
        await until('it is deployed', () => site.read('log.success') !== undefined);
        expect(codeAt(site)).toBe('version 2');
        await until('it is logged', () => site.read('stretcher.log')?.includes('succeeded') ?? false);
      },
    },

    'stretcher -v': async (ours = '') => {
      const { type } = await serve();
      expect(await type(ours)).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^deploy-agent manifest \d+\./),
      });
    },

    'stretcher -max-bandwidth 10MB': async (ours = '') => {
      let first = 0;
      const note = () => {
        first = performance.now();
        return false;
      };
      const files = { ...FILES, noise: randomBytes(200_000).toString('latin1') };
      await succeedsWith({ '10MB': '100KB' }, () => serve(note, files), /succeeded/)(ours);
      expect(performance.now() - first).toBeGreaterThan(900);
    },

    'stretcher -timeout 300': async (ours = '') => {
      const { site, url, type } = await serve(() => true);
      const { status, stderr } = await type(`${filledIn(ours, { 300: '1' })} ${url}/deploy.yml`);
      expect([status, stderr]).toEqual([1, expect.stringMatching(/failed: .*1s/)]);
      expect(codeAt(site)).toBeUndefined();
    },

    'stretcher -random-delay 10': succeedsWith({ 10: '1' }, serve, /waiting [\d.]+(ms|s)\n/),

    'stretcher -retry 3 -retry-wait 5': async (ours = '') => {
      let times = 0;
      const refuse: Parameters<typeof serve>[0] = (_, response, asked) => {
        times = asked;
        if (asked < 4) response.writeHead(503).end();
        return asked < 4;
      };
      await succeedsWith({ 'wait 5': 'wait 0' }, () => serve(refuse), /again in 0s/)(ours);
      expect(times).toBe(4);
    },

    'stretcher -rsync-verbose ""': async (ours = '') => {
      const { site, url, type } = await serve();
      earlier(site);
      const quiet = await type(`${ours} ${url}/deploy.yml`);
      expect([quiet.status, /^.* code$/m.test(quiet.stderr)]).toEqual([0, false]);
      writeFileSync(join(site.dest, 'code'), 'changed by hand');
      const told = await type(`${filledIn(ours, { '-rsync-verbose ""': '' })} ${url}/deploy.yml`);
      expect([told.status, /^.* code$/m.test(told.stderr)]).toEqual([0, true]);
    },
  });
});
