import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { httpServer } from '../../packages/sources/test/objects/open-objects.js';
import { archiveKeys, KEEPS_LOG, type ManifestSite, makeManifestSite } from '../support/manifest-site.js';
import { startProgram } from '../support/program.js';
import { describeWith } from '../support/requires.js';
import { testScope } from '../support/scope.js';
import { until } from '../support/until.js';

// Each test starts several programs, on a machine that may have much else to do.
vi.setConfig({ testTimeout: 180_000 });

/** A site with version 1 in place. */
async function siteWithDest(): Promise<{ site: ManifestSite; archive: string }> {
  const site = makeManifestSite(testScope());
  mkdirSync(site.dest, { recursive: true });
  writeFileSync(join(site.dest, 'code'), 'version 1');
  return { site, archive: await site.pack('app.tar.gz', { code: 'version 2.0', more: 'x'.repeat(100_000) }) };
}

/** What a deployment leaves that has failed. */
async function failureOf(
  site: ManifestSite,
  manifest: string,
  flags: readonly string[] = [],
): Promise<string> {
  const { status, stderr } = await site.deploy([site.manifest('m.yml', manifest), ...flags]);
  expect(status).toBe(1);
  expect(site.beside()).toEqual(['.app.deploy-lock', 'app']);
  expect(site.read('log.success')).toBeUndefined();
  expect(stderr).toContain(site.read('log.failure') ?? 'no log');
  return site.read('log.failure') ?? '';
}

describeWith(['rsync'], 'a deployment that fails leaves what was there, and tells why', () => {
  it('when the archive is the wrong one, or not there', async () => {
    const { site, archive } = await siteWithDest();
    const keys = archiveKeys(archive, site.dest);
    const wrong = keys.replace(/checksum: .*/, `checksum: ${'0'.repeat(40)}`);
    expect(await failureOf(site, wrong + KEEPS_LOG)).toMatch(
      / failed: .* with the sha1 checksum \w{40}, not 0{40}/,
    );

    const server = await httpServer(testScope(), (_, response) => void response.writeHead(404).end('gone'));
    const missing = keys.replace(/src: .*/, `src: ${server}/app.tar.gz?secret`);
    const told = await failureOf(site, missing + KEEPS_LOG, ['-retry', '1', '-retry-wait', '0']);
    expect(told).toMatch(/app.tar.gz answered 404 Not Found \(check the URL\); again in 0s\n/);
    expect(told).toMatch(/ failed: http:.*\/app.tar.gz answered 404 Not Found/);
    expect(told).not.toContain('secret');
    expect(readFileSync(join(site.dest, 'code'), 'utf8')).toBe('version 1');
  });

  it('when the archive is damaged, or unsafe', async () => {
    const { site, archive } = await siteWithDest();
    truncateSync(archive, 150);
    expect(await failureOf(site, archiveKeys(archive, site.dest) + KEEPS_LOG)).toMatch(
      / failed: layer app.tar.gz: /,
    );
    execFileSync('tar', ['czPf', archive, '--transform', 's,^,../,', '-C', site.dest, 'code']);
    expect(await failureOf(site, archiveKeys(archive, site.dest) + KEEPS_LOG)).toMatch(
      / failed: layer .*\.\./,
    );
    expect(readFileSync(join(site.dest, 'code'), 'utf8')).toBe('version 1');
  });

  it('when a command before fails, or takes too long', async () => {
    const { site, archive } = await siteWithDest();
    const keys = archiveKeys(archive, site.dest);
    const commands = KEEPS_LOG.replace(
      'commands:',
      "commands:\n  pre: [echo one, 'echo two; exit 3', echo three]",
    );
    const log = await failureOf(site, keys + commands);
    expect(log).toMatch(
      / one\n.* two\n.* failed: the pre command "echo two; exit 3" failed with exit status 3/s,
    );
    expect(log).not.toContain(' three\n');
    const endless = `timeout: 200ms\n${KEEPS_LOG.replace('commands:', 'commands:\n  pre: [sleep 1000]')}`;
    expect(await failureOf(site, keys + endless)).toContain('did not end within 200ms and was stopped');
    expect(readFileSync(join(site.dest, 'code'), 'utf8')).toBe('version 1');
  });

  it('but for a command after, when the new tree is in place', async () => {
    const { site, archive } = await siteWithDest();
    const commands = KEEPS_LOG.replace('commands:', 'commands:\n  post: ["false"]');
    const log = await failureOf(site, archiveKeys(archive, site.dest) + commands);
    expect(log).toContain('failed: the post command "false" failed with exit status 1');
    expect(readFileSync(join(site.dest, 'code'), 'utf8')).toBe('version 2.0');
  });

  it('when it is stopped: commands end, and those of failure run', async () => {
    const { site, archive } = await siteWithDest();
    const commands = KEEPS_LOG.replace('commands:', 'commands:\n  pre: [touch LOG.begun && sleep 1000]');
    const url = site.manifest('m.yml', archiveKeys(archive, site.dest) + commands);
    const { child, ended } = startProgram(testScope(), 'deploy-agent', ['manifest', url]);
    await until('pre runs', () => site.read('log.begun') !== undefined, 50_000);
    child.kill('SIGTERM');
    expect(await ended).toBe(1);
    expect(site.read('log.failure')).toMatch(/ failed: the pre command .* was stopped on request/);
    expect(site.beside()).toEqual(['.app.deploy-lock', 'app']);
  });
});

it('each of the last commands reads the whole log, and a failing one is the last', async () => {
  const site = makeManifestSite(testScope());
  const count = 20_000;
  const manifest = `commands:
  pre: [seq ${count}]
  success: ['wc -l > LOG.first; true', 'head -1 > LOG.second', 'exit 3', touch LOG.third]
`;
  const { status, stderr } = await site.deploy([site.manifest('m.yml', manifest)]);
  expect(status).toBe(0);
  expect(Number(site.read('log.first'))).toBeGreaterThan(count);
  expect(site.read('log.second')).toMatch(/ deploy-agent manifest \d/);
  expect(stderr).toContain('the success command "exit 3" failed with exit status 3');
  expect(site.read('log.third')).toBeUndefined();
});

it('what the manifest or the command line gets wrong is told with its place', async () => {
  const site = makeManifestSite(testScope());
  const unknown = await site.deploy([site.manifest('m.yml', 'commands:\n  pre: [x]\nsource: a\n')]);
  expect([unknown.status, unknown.stderr]).toEqual([
    1,
    expect.stringContaining('m.yml: line 3, column 1: there is no key "source" here'),
  ]);
  expect((await site.deploy(['-busy', 'maybe'])).status).toBe(2);
});

describeWith(['rsync'], 'two deployments to one place', () => {
  it('wait for each other, or are refused', async () => {
    const { site, archive } = await siteWithDest();
    const scope = testScope();
    const gate = join(site.root, 'gate');
    execFileSync('mkfifo', [gate]);
    const keys = archiveKeys(archive, site.dest);
    const slow = site.manifest(
      'slow.yml',
      `${keys}commands:\n  post: [touch LOG.held; cat ${gate}, touch LOG.done]\n`,
    );
    const first = startProgram(scope, 'deploy-agent', ['manifest', slow]);
    await until('the first holds it', () => site.read('log.held') !== undefined, 50_000);
    const next = site.manifest('next.yml', `${keys}commands:\n  pre: [test -e LOG.done]\n`);
    const refused = await site.deploy([next, '-busy', 'refuse']);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining(`failed: process ${first.child.pid} is deploying to ${site.dest}`),
    ]);
    const waiting = startProgram(scope, 'deploy-agent', ['manifest', next]);
    await until('the next waits', () => /waiting: process \d+ is deploying/.test(waiting.log.text()), 50_000);
    writeFileSync(gate, '');
    expect([await first.ended, await waiting.ended]).toEqual([0, 0]);
  });
});

describeWith(['rsync'], 'signatures', () => {
  it('are asked for, of the archive and of the manifest', async () => {
    const { site, archive } = await siteWithDest();
    const { root } = site;
    const keygen = (...args: string[]) =>
      void execFileSync('ssh-keygen', args, { cwd: root, stdio: 'ignore' });
    keygen('-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', 'key');
    writeFileSync(join(root, 'allowed'), `ci@example.com ${readFileSync(join(root, 'key.pub'), 'utf8')}`);
    const sign = (file: string): void => {
      rmSync(join(root, `${file}.sig`), { force: true });
      keygen('-Y', 'sign', '-n', 'file', '-f', 'key', file);
    };
    sign('app.tar.gz');
    const keys = `${archiveKeys(archive, site.dest)}signature: file://${root}/app.tar.gz.sig\n`;
    const url = site.manifest('m.yml', keys);
    sign('m.yml');
    const flags = ['-allowed-signers', join(root, 'allowed'), '-signed-manifest'];
    const good = await site.deploy([url, ...flags]);
    expect(good.stderr.match(/it is signed by ci@example.com/g)).toHaveLength(2);
    expect(good.status).toBe(0);

    writeFileSync(join(root, 'm.yml'), `${keys}excludes: [code]\n`);
    const changed = await site.deploy([url, ...flags]);
    expect([changed.status, changed.stderr]).toEqual([1, expect.stringContaining('m.yml is not trusted')]);
    const unsigned = site.manifest('unsigned.yml', archiveKeys(archive, site.dest));
    const refused = await site.deploy([unsigned, ...flags.slice(0, 2)]);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringContaining('the manifest names no signature, but -allowed-signers asks for one'),
    ]);
    expect((await site.deploy([url])).stderr).toContain('names a signature, but no key is given');
  });
});
