import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { archiveKeys, KEEPS_LOG, type ManifestSite, makeManifestSite } from '../support/manifest-site.js';
import { describeWith, describeWithPython } from '../support/requires.js';
import { type S3Server, SWIFT, startS3Server } from '../support/s3-server.js';
import { fileScope, testScope } from '../support/scope.js';

// Each test starts several programs, on a machine that may have much else to do.
vi.setConfig({ testTimeout: 180_000 });

const FILES = { code: 'version 2', 'app.pid': 'of the archive', 'exclude.list': '*.log\n' };

/** A destination with an earlier version of the application. */
function earlier({ dest }: ManifestSite): void {
  mkdirSync(dest, { recursive: true });
  for (const name of ['code', 'old', 'app.pid', 'app.log'])
    writeFileSync(join(dest, name), `${name} of before`);
}

function inDest({ dest }: ManifestSite, name: string): string | undefined {
  return lstatSync(join(dest, name), { throwIfNoEntry: false }) && readFileSync(join(dest, name), 'utf8');
}

describeWithPython(...SWIFT, 'the example manifest of stretcher, on S3', () => {
  const scope = fileScope();
  let s3: S3Server;
  let site: ManifestSite;

  beforeAll(async () => {
    s3 = await startS3Server(scope);
    site = makeManifestSite(scope);
    const archive = readFileSync(await site.pack('app.tar.gz', FILES));
    await s3.put('example.com', 'app.tar.gz', archive);
    const manifest = `src: s3://example.com/app.tar.gz
checksum: ${createHash('sha1').update(archive).digest('hex')}
dest: ${site.dest}
commands:
  pre:
    - echo 'staring deploy'
  post:
    - echo 'deploy done'
  success:
    - echo 'deploy success'
    - cat >> ${site.root}/success.log
  failure:
    - echo 'deploy failed!!'
    - cat >> ${site.root}/failure.log
excludes:
  - "*.pid"
  - "*.socket"
`;
    await s3.put('example.com', 'deploy-20141117-112233.yml', manifest);
  });

  describeWith(['rsync'], 'with rsync', () => {
    it('is deployed by a line on standard input', async () => {
      earlier(site);
      const input = 's3://example.com/deploy-20141117-112233.yml\n';
      const { status, stdout, stderr } = await site.deploy([], { input, env: s3.environment });
      expect(stderr).toContain('warning: sha1 ');
      expect(status).toBe(0);
      expect(stdout).toBe('deploy success\n');
      expect(['code', 'old', 'app.pid'].map((name) => inDest(site, name))).toEqual([
        'version 2',
        undefined,
        'app.pid of before',
      ]);
      const log = site.read('success.log') ?? '';
      const steps = [
        'reading the manifest',
        'checksum is right',
        'staring deploy',
        'unpacked',
        'deploy done',
      ];
      const places = [...steps, 'the deployment succeeded'].map((step) => log.indexOf(step));
      expect(places).toEqual([...places].sort((a, b) => a - b));
      expect(places).not.toContain(-1);
      expect(site.read('failure.log')).toBeUndefined();
      expect(site.beside()).toEqual(['.app.deploy-lock', 'app']);
    });
  });
});

describe('a manifest', () => {
  it('may have commands only, filled in from the environment', async () => {
    const site = makeManifestSite(testScope());
    const url = site.manifest(
      'm.yml',
      `commands:
  pre: [echo before {{ must_env "STAGE" }}]
  post: ['echo after {{ env "NOTHING_OF_THE_KIND" "all" }}']
  success: [cat > LOG]
`,
    );
    const { status } = await site.deploy([url], { env: { STAGE: 'test' } });
    expect(status).toBe(0);
    expect(site.read('log')).toMatch(/ before test\n.* after all\n.* succeeded\n/s);
    expect(site.read('log')).toContain('running the pre command "echo before {{ must_env "STAGE" }}"');
  });

  it('can be switched to as a release, of which the earlier one is kept', async () => {
    const site = makeManifestSite(testScope());
    const roots: string[] = [];
    for (const version of ['1', '2']) {
      const keys = archiveKeys(await site.pack(`${version}.tar.gz`, { code: version }), site.dest);
      const url = site.manifest('m.yml', `${keys}sync_strategy: release\n`);
      expect((await site.deploy([url])).status).toBe(0);
      roots.push(readlinkSync(site.dest));
      expect(inDest(site, 'code')).toBe(version);
    }
    expect(site.beside()).toEqual(['.app.deploy-lock', 'app', 'app.releases']);
    expect(readFileSync(join(site.root, 'srv', roots[0] ?? '', 'code'), 'utf8')).toBe('1');
    expect(roots[1]).not.toBe(roots[0]);
  });
});

describeWith(['rsync'], 'a manifest', () => {
  it('has its tree synced, without what a file in the archive excludes, or renamed to where nothing is', async () => {
    const site = makeManifestSite(testScope());
    const keys = archiveKeys(await site.pack('app.tar.gz', FILES), site.dest);
    const rsync = site.manifest(
      'rsync.yml',
      `${keys}exclude_from: exclude.list\ndest_mode: 0711\nexcludes: [old]\n`,
    );
    const mv = site.manifest('mv.yml', `${keys}sync_strategy: mv\n${KEEPS_LOG}`);

    expect((await site.deploy([mv])).status).toBe(0);
    expect(inDest(site, 'app.pid')).toBe('of the archive');
    expect(site.read('log.failure')).toBeUndefined();
    expect((await site.deploy([mv])).status).toBe(1);
    expect(site.read('log.failure')).toContain(`failed: ${site.dest} exists`);

    earlier(site);
    expect((await site.deploy([rsync])).status).toBe(0);
    const names = ['code', 'app.pid', 'old', 'app.log', 'exclude.list'];
    expect(names.map((name) => inDest(site, name))).toEqual([
      'version 2',
      'of the archive',
      'old of before',
      'app.log of before',
      '*.log\n',
    ]);
    expect(statSync(site.dest).mode & 0o7777).toBe(0o711);
    expect(site.beside()).toEqual(['.app.deploy-lock', 'app']);
  });
});

describe('events', () => {
  it("of Consul name a manifest, and never end consul's watch", async () => {
    const site = makeManifestSite(testScope());
    const url = site.manifest(
      'm.yml',
      'commands:\n  pre: [echo $CONSUL_INDEX, exit 7]\n  failure: [cat > LOG]\n',
    );
    const event = { ID: 'b54fe110', Name: 'deploy', Payload: Buffer.from(url).toString('base64'), LTime: 19 };
    const input = JSON.stringify([{ ...event, Payload: null }, event]);
    expect((await site.deploy([], { input, env: { CONSUL_INDEX: '133' } })).status).toBe(0);
    expect(site.read('log')).toMatch(/ 133\n.* failed: the pre command "exit 7" failed with exit status 7/s);
    expect((await site.deploy([], { input })).status).toBe(1);
    const none = await site.deploy([], { input: '[]\n', env: { CONSUL_INDEX: '1' } });
    expect([none.status, none.stderr]).toEqual([0, expect.stringContaining('there is no event yet')]);
  });

  it('of Serf name a manifest, whose commands see what Serf says', async () => {
    const site = makeManifestSite(testScope());
    const url = site.manifest(
      'm.yml',
      'commands:\n  pre: [echo from $SERF_SELF_NAME]\n  success: [cat > LOG]\n',
    );
    const env = {
      ...{ SERF_EVENT: 'user', SERF_USER_EVENT: 'deploy', SERF_USER_LTIME: '3' },
      ...{ SERF_SELF_NAME: 'web1', SERF_SELF_ROLE: '', SERF_TAG_DC: 'east' },
    };
    expect((await site.deploy([], { input: `${url}\n`, env })).status).toBe(0);
    expect(site.read('log')).toContain(' from web1\n');
    const none = await site.deploy([], { input: '\n', env });
    expect([none.status, none.stderr]).toEqual([
      1,
      expect.stringContaining('the Serf event "deploy" has no payload'),
    ]);
  });
});
