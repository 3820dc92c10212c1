import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { startGoogle } from '../../packages/sources/test/adapters/google-server.js';
import { httpServer } from '../../packages/sources/test/objects/open-objects.js';
import { filledIn, type PairTest, testPairs } from '../support/command-pairs.js';
import { archiveKeys, type ManifestSite, makeManifestSite } from '../support/manifest-site.js';
import { describeWith, describeWithPython } from '../support/requires.js';
import type { RunResult } from '../support/run.js';
import { SWIFT, startS3Server } from '../support/s3-server.js';
import { testScope } from '../support/scope.js';

// Each test starts several programs, on a machine that may have much else to do.
vi.setConfig({ testTimeout: 180_000 });

const FILES = { code: 'version 2', 'app.pid': 'of the archive', 'exclude.list': '*.log\n' };

const codeAt = ({ dest }: ManifestSite): string | undefined =>
  existsSync(join(dest, 'code')) ? readFileSync(join(dest, 'code'), 'utf8') : undefined;

/** Deploys by a manifest that has this key, or text in a command, beside what each has to have. */
async function deployWith(
  line: string,
  { site, env = {} }: { site?: ManifestSite; env?: Record<string, string> } = {},
): Promise<RunResult & { readonly site: ManifestSite }> {
  const at = site ?? makeManifestSite(testScope());
  const keys = archiveKeys(await at.pack('app.tar.gz', FILES), at.dest);
  const [key] = line.split(':');
  const others = keys.split('\n').filter((other) => !other.startsWith(`${key}:`));
  return { ...(await at.deploy([at.manifest('m.yml', [...others, line].join('\n'))], { env })), site: at };
}

function expectDeployed(done: Awaited<ReturnType<typeof deployWith>>): void {
  expect(done.status, done.stderr).toBe(0);
  expect(codeAt(done.site)).toBe('version 2');
}

/** The archive of a destination of its own, for a server that has it. */
async function packed(): Promise<{ site: ManifestSite; bytes: Buffer }> {
  const site = makeManifestSite(testScope());
  return { site, bytes: readFileSync(await site.pack('app.tar.gz', FILES)) };
}

/** The archive gets a new time each time it is packed: deploys one that was packed before. */
async function deployFrom(src: string, { site, bytes }: Awaited<ReturnType<typeof packed>>, env = {}) {
  const checksum = createHash('sha512').update(bytes).digest('hex');
  const url = site.manifest('m.yml', `${src}\nchecksum: ${checksum}\ndest: ${site.dest}\n`);
  expectDeployed({ ...(await site.deploy([url], { env })), site });
}

const seesText: PairTest = async (ours = '') => {
  const command = `commands: {pre: ['echo stage ${ours}.']}`;
  const set = await deployWith(command, { env: { STAGE: 'live' } });
  expect([set.status, set.stderr]).toEqual([0, expect.stringContaining(' stage live.\n')]);
  const unset = await deployWith(command);
  const expected = ours.includes('must_env') ? [1, /STAGE/] : [0, / stage test\.\n/];
  expect([unset.status, unset.stderr]).toEqual([expected[0], expect.stringMatching(expected[1] as RegExp)]);
};

describeWith(['rsync'], 'with rsync', () => {
  testPairs('coming-from-stretcher.md', 'stretcher', 'Manifests', {
    'src: https://example.com/app.tar.gz': async (ours = '') => {
      const place = await packed();
      const url = await httpServer(testScope(), (_, response) => void response.end(place.bytes));
      await deployFrom(filledIn(ours, { 'https://example.com': url }), place);
    },
    'src: s3://example.com/app.tar.gz': {
      where: (title, body) => describeWithPython(...SWIFT, title, body),
      run: async (ours = '') => {
        const [s3, place] = [await startS3Server(testScope()), await packed()];
        await s3.put('example.com', 'app.tar.gz', place.bytes);
        await deployFrom(ours, place, s3.environment);
      },
    },
    'src: gs://example.com/app.tar.gz': async (ours = '') => {
      const [google, place] = [await startGoogle(testScope(), 'example.com'), await packed()];
      google.objects.set('app.tar.gz', place.bytes);
      await deployFrom(ours, place, { STORAGE_EMULATOR_HOST: google.host });
    },
    'src: file:///srv/app.tar.gz': async (ours = '') => {
      const place = await packed();
      await deployFrom(filledIn(ours, { '/srv': place.site.root }), place);
    },
    'checksum: SHA1': async (ours = '') => {
      const { site, bytes } = await packed();
      const src = `src: file://${site.root}/app.tar.gz\ndest: ${site.dest}\n`;
      const sha1 = createHash('sha1').update(bytes).digest('hex');
      const deploy = (sum: string) =>
        site.deploy([site.manifest('m.yml', src + filledIn(ours, { SHA1: sum }))]);
      expect((await deploy('0'.repeat(40))).status).toBe(1);
      const done = await deploy(sha1.toUpperCase());
      expect(done.stderr).toContain('warning: sha1 ');
      expectDeployed({ ...done, site });
    },
    'dest: /srv/app': async (ours = '') => {
      const site = makeManifestSite(testScope());
      expectDeployed(await deployWith(filledIn(ours, { '/srv/app': site.dest }), { site }));
    },
    'dest_mode: 0711': async (ours = '') => {
      const done = await deployWith(ours);
      expectDeployed(done);
      expect(statSync(done.site.dest).mode & 0o7777).toBe(0o711);
    },
    'commands: {pre: [test ! -e /srv/stop], post: [touch /srv/done]}': async (ours = '') => {
      const site = makeManifestSite(testScope());
      const line = filledIn(ours, { '/srv': site.root });
      writeFileSync(join(site.root, 'stop'), '');
      expect((await deployWith(`${line}\ntimeout: 30`, { site })).status).toBe(1);
      expect([codeAt(site), site.read('done')]).toEqual([undefined, undefined]);
      const free = makeManifestSite(testScope());
      expectDeployed(await deployWith(filledIn(ours, { '/srv': free.root }), { site: free }));
      expect(free.read('done')).toBe('');
    },
    'commands: {success: [cat >> /srv/success.log], failure: [cat >> /srv/failure.log]}': async (
      ours = '',
    ) => {
      const site = makeManifestSite(testScope());
      const line = filledIn(ours, { '/srv': site.root });
      expectDeployed(await deployWith(line, { site }));
      expect([site.read('success.log'), site.read('failure.log')]).toEqual([
        expect.stringContaining('the deployment succeeded'),
        undefined,
      ]);
      expect((await deployWith(`sync_strategy: mv\n${line}`, { site })).status).toBe(1);
      expect(site.read('failure.log')).toContain('failed: ');
    },
    'excludes: ["*.pid", "*.socket"]': leaves('app.pid', 'app.log'),
    'exclude_from: exclude.list': leaves('app.log', 'old'),
    'sync_strategy: rsync': leaves('', 'old'),
    'sync_strategy: mv': async (ours = '') => {
      const done = await deployWith(ours);
      expectDeployed(done);
      const again = await deployWith(ours, { site: done.site });
      expect([again.status, again.stderr]).toEqual([1, expect.stringContaining(`${done.site.dest} exists`)]);
    },
    '{{ env "STAGE" "test" }}': seesText,
    '{{ must_env "STAGE" }}': seesText,
  });
});

/** What was at the destination stays of one name, and is gone of another. */
function leaves(stays: string, gone: string): PairTest {
  return async (ours = '') => {
    const site = makeManifestSite(testScope());
    mkdirSync(site.dest, { recursive: true });
    for (const name of ['code', 'old', 'app.pid', 'app.log'])
      writeFileSync(join(site.dest, name), 'from before');
    expectDeployed(await deployWith(ours, { site }));
    if (stays !== '') expect(readFileSync(join(site.dest, stays), 'utf8')).toBe('from before');
    expect(existsSync(join(site.dest, gone))).toBe(false);
  };
}
