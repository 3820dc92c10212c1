import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { binPath } from '../support/program.js';
import { makeSite, type RegistrySite, registryArgs, startRegistry } from '../support/registry-process.js';
import { describeWith } from '../support/requires.js';
import { type RunResult, run } from '../support/run.js';
import { testScope } from '../support/scope.js';
import { fingerprintOfFile, makeSshKey } from '../support/ssh-key.js';

/** What a start that must not succeed said: one sentence, no stack trace. */
async function refused(site: RegistrySite, flags: readonly string[] = []): Promise<RunResult> {
  const result = await run(binPath('deploy-registry'), registryArgs(site, flags));
  expect(result.stdout).toBe('');
  expect(result.stderr).not.toMatch(/^\s+at |Error:/m);
  expect(result.stderr.trim().split('\n').length).toBeLessThanOrEqual(result.status === 2 ? 2 : 1);
  expect(result.stderr).toMatch(/^deploy-registry: \S/);
  return result;
}

describe('the registry refuses to start, with one sentence and status 1', () => {
  const cases: Record<string, [(site: RegistrySite) => void, string]> = {
    'the operator key file is missing': [
      (site) => rmSync(site.operatorKeys),
      'the key file SITE/operator.keys does not exist',
    ],
    'the service key file is missing': [
      (site) => rmSync(site.agentKeys),
      'the key file SITE/service.keys does not exist',
    ],
    'the operator key file has comments only': [
      (site) => writeFileSync(site.operatorKeys, '# nobody\n\n'),
      'SITE/operator.keys has no key',
    ],
    'a key file has a bad line': [
      (site) => writeFileSync(site.operatorKeys, `${site.operator.line}\n# fine\nssh-ed25519 AAAA broken\n`),
      'SITE/operator.keys, line 3: ',
    ],
    'a key file has an option that is not enforced': [
      (site) => writeFileSync(site.agentKeys, `command="date" ${site.agent.line}\n`),
      'SITE/service.keys, line 1: option command is not supported',
    ],
    'a key file holds a private key': [
      (site) => writeFileSync(site.agentKeys, readFileSync(site.agent.path)),
      'SITE/service.keys, line 1: ',
    ],
    'a key file is a directory': [
      (site) => {
        rmSync(site.agentKeys);
        mkdirSync(site.agentKeys);
      },
      'the key file SITE/service.keys is not a regular file',
    ],
    'a key file never ends': [
      (site) => {
        rmSync(site.operatorKeys);
        symlinkSync('/dev/zero', site.operatorKeys);
      },
      'the key file SITE/operator.keys is not a regular file',
    ],
    'a key file is a FIFO that nobody writes to': [
      (site) => {
        rmSync(site.agentKeys);
        execFileSync('mkfifo', [site.agentKeys]);
      },
      'the key file SITE/service.keys is not a regular file',
    ],
    'a key file is far too long': [
      (site) => writeFileSync(site.operatorKeys, '#'.repeat(2 * 1024 * 1024)),
      'the key file SITE/operator.keys is larger than 1.0 MB',
    ],
    'the data directory is a file': [
      (site) => {
        rmSync(site.dir, { recursive: true });
        writeFileSync(site.dir, '');
      },
      'the data directory SITE/registry ',
    ],
    'the host key is garbage': [
      (site) => writeFileSync(join(site.dir, 'host_key'), 'garbage\n'),
      'the host key SITE/registry/host_key cannot be used',
    ],
    'the host key is empty': [
      (site) => writeFileSync(join(site.dir, 'host_key'), ''),
      'the host key SITE/registry/host_key cannot be used',
    ],
    'the host key is a public key': [
      (site) => writeFileSync(join(site.dir, 'host_key'), `${site.agent.line}\n`),
      'the host key SITE/registry/host_key cannot be used',
    ],
    'the host key is a directory': [
      (site) => mkdirSync(join(site.dir, 'host_key')),
      'the host key SITE/registry/host_key is not a regular file',
    ],
    'the host key is an RSA key that can be broken': [
      (site) =>
        execFileSync('ssh-keygen', [
          ...['-q', '-t', 'rsa', '-b', '1024', '-N', '', '-m', 'PEM'],
          ...['-f', join(site.dir, 'host_key')],
        ]),
      'the host key SITE/registry/host_key cannot be used: it is an RSA key of 1024 bits',
    ],
    'the host key is a FIFO': [
      (site) => execFileSync('mkfifo', [join(site.dir, 'host_key')]),
      'the host key SITE/registry/host_key is not a regular file',
    ],
    'the database is garbage': [
      (site) => writeFileSync(join(site.dir, 'registry.db'), 'garbage'.repeat(1000)),
      'the registry database is damaged',
    ],
  };
  for (const [name, [spoil, sentence]] of Object.entries(cases)) {
    it(name, async () => {
      const site = await makeSite(testScope());
      spoil(site);
      const { status, stderr } = await refused(site);
      expect(stderr).toContain(sentence.replace('SITE', site.root));
      expect(status).toBe(1);
    });
  }

  it('the data directory is where no directory can be made', async () => {
    const site = await makeSite(testScope());
    const { status, stderr } = await refused(site, ['-dir', '/proc/x']);
    expect(stderr).toContain('the data directory /proc/x is not writable (ENOENT)');
    expect(status).toBe(1);
  });

  it('the host key is encrypted', async () => {
    const site = await makeSite(testScope());
    const key = await makeSshKey(site.dir, 'host_key');
    expect((await run('ssh-keygen', ['-p', '-P', '', '-N', 'secret', '-f', key.path])).status).toBe(0);
    const { status, stderr } = await refused(site);
    expect(stderr).toContain(`the host key ${key.path} cannot be used`);
    expect(stderr).toMatch(/unencrypted/);
    expect(status).toBe(1);
  });

  it('the address is taken', async () => {
    const scope = testScope();
    const site = await makeSite(scope);
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    scope.defer(() => void taken.close());
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { status, stderr } = await refused(site, ['-addr', `127.0.0.1:${port}`]);
    expect(stderr).toContain(`the address 127.0.0.1:${port} is taken`);
    expect(status).toBe(1);
  });

  it('the address is nobody’s', async () => {
    const { status, stderr } = await refused(await makeSite(testScope()), ['-addr', '192.0.2.1:2022']);
    expect(stderr).toContain('cannot listen on 192.0.2.1:2022');
    expect(status).toBe(1);
  });

  it('another registry has the directory, and goes on', async () => {
    const scope = testScope();
    const site = await makeSite(scope);
    const first = await startRegistry(scope, site);
    const { status, stderr } = await refused(site);
    expect(stderr).toContain(`${site.dir} is in use by another registry (process ${first.pid})`);
    expect(status).toBe(1);
    expect(await first.stop()).toBe(0);
    await startRegistry(scope, site);
  });
});

describeWith(['setpriv'], 'as a user without rights', () => {
  const asNobody = (site: RegistrySite) => {
    const drop = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    const args = [process.execPath, binPath('deploy-registry'), ...registryArgs(site)];
    return run('setpriv', process.getuid?.() === 0 ? [...drop, ...args] : ['--', ...args]);
  };

  it('the directory is not writable', async () => {
    const site = await makeSite(testScope());
    chmodSync(site.root, 0o755);
    chmodSync(site.dir, 0o555);
    const { status, stderr } = await asNobody(site);
    expect(stderr).toMatch(
      new RegExp(
        `^deploy-registry: the data directory ${site.dir} is not writable \\(EACCES\\) \\(.*\\)\\n$`,
      ),
    );
    expect(status).toBe(1);
  });

  it.runIf(process.getuid?.() === 0)('the host key is somebody else’s', async () => {
    const site = await makeSite(testScope());
    chmodSync(site.root, 0o755);
    chownSync(site.dir, 65534, 65534);
    await makeSshKey(site.dir, 'host_key');
    const { status, stderr } = await asNobody(site);
    expect(stderr).toContain(`the host key ${join(site.dir, 'host_key')} cannot be read`);
    expect(status).toBe(1);
  });
});

describe('a wrong command line: status 2', () => {
  // What else can be wrong: packages/registry/test/registry-flags.test.ts.
  it.each<[string, string[], string]>([
    ['a bad value', ['-deadline', '30'], 'invalid value "30" for flag -deadline'],
    ['a bad address', ['-addr', 'localhost:port'], 'invalid address "localhost:port"'],
    ['a bad log level', ['-log-level', 'loud'], 'invalid log level "loud"'],
    [
      'a slip of the unit',
      ['-housekeeping', '1ns'],
      'invalid value for flag -housekeeping: too small (give 0 for never, or at least 1s)',
    ],
  ])('%s', async (_what, flags, sentence) => {
    const { status, stderr } = await refused(await makeSite(testScope()), flags);
    expect(stderr).toContain(sentence);
    expect(stderr).toContain('see deploy-registry -h');
    expect(status).toBe(2);
  });

  it('-h and -version need nothing else', async () => {
    const help = await run(binPath('deploy-registry'), ['-h']);
    expect(help.status).toBe(0);
    for (const flag of ['addr', 'dir', 'opauth', 'srvauth', 'maxver', 'deadline'])
      expect(help.stdout).toMatch(new RegExp(`^ {2}-${flag} `, 'm'));
    expect(help.stdout).toContain('(default "localhost:2022")');
    expect(help.stdout).toMatch(/^ {2}-version$/m);
    expect((await run(binPath('deploy-registry'), ['-version'])).stdout).toMatch(/^deploy-registry \d/);
  });
});

describe('the host key', () => {
  it('is made with mode 0600, its fingerprint logged, and stays over a restart', async () => {
    const scope = testScope();
    const site = await makeSite(scope);
    rmSync(site.dir, { recursive: true });
    const first = await startRegistry(scope, site);
    const path = join(site.dir, 'host_key');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(site.dir).mode & 0o777).toBe(0o700);
    expect(first.fingerprint).toBe(await fingerprintOfFile(path));
    expect(await first.stop()).toBe(0);
    expect((await first.restart()).fingerprint).toBe(first.fingerprint);
  });

  it.each([
    [
      'an EC P-256 PEM key, as the original makes',
      ['-t', 'ecdsa', '-b', '256', '-m', 'PEM'],
      'BEGIN EC PRIVATE KEY',
    ],
    ['an RSA key', ['-t', 'rsa', '-b', '2048'], 'BEGIN OPENSSH PRIVATE KEY'],
  ])('may be %s', async (_, options, header) => {
    const scope = testScope();
    const site = await makeSite(scope);
    const key = await makeSshKey(site.dir, 'host_key', options);
    expect(readFileSync(key.path, 'utf8')).toContain(header);
    const registry = await startRegistry(scope, site);
    expect(registry.fingerprint).toBe(key.fingerprint);
    const scanned = await run('ssh-keyscan', ['-p', String(registry.port), registry.host]);
    expect(scanned.stdout).toContain(readFileSync(`${key.path}.pub`, 'utf8').split(' ')[1]);
  });
});

it('a start that was refused leaves no lock and no half-made state', async () => {
  const scope = testScope();
  const site = await makeSite(scope);
  await refused(site, ['-addr', '192.0.2.1:2022']);
  expect(existsSync(join(site.dir, 'host_key'))).toBe(true);
  const registry = await startRegistry(scope, site);
  expect(await registry.stop()).toBe(0);
});
