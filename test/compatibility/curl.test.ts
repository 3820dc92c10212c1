import { expect, it } from 'vitest';
import { makeSite, startRegistry } from '../support/registry-process.js';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { testScope } from '../support/scope.js';
import { itServes, type Login } from './client-conformance.js';

function curl(
  { registry, user, key }: Pick<Login, 'registry' | 'user' | 'key'>,
  path: string,
  ...more: string[]
) {
  const url = `sftp://${user}@${registry.host}:${registry.port}/${path.replace(/^\//, '')}`;
  const login = ['--key', key.path, '--pubkey', `${key.path}.pub`, '--insecure'];
  return run('curl', ['-q', '--silent', '--show-error', ...login, ...more, url]);
}

describeWith(['curl'], 'curl with libssh2', () => {
  itServes({
    registryFlags: ['-compat'],
    put: (login, local, remote) => curl(login, remote, '--upload-file', local),
    get: (login, remote, local) => curl(login, remote, '--output', local),
    list: (login, path) => curl(login, `${path}/`),
  });

  it('comes in without -compat only where libssh2 has encrypt-then-MAC or AES-GCM (1.11)', async () => {
    const scope = testScope();
    const site = await makeSite(scope);
    const registry = await startRegistry(scope, site);
    const [, major = '', minor = ''] = /libssh2\/(\d+)\.(\d+)/.exec((await run('curl', ['-V'])).stdout) ?? [];
    const modern = Number(major) > 1 || Number(minor) >= 11;
    const listed = await curl({ registry, user: 'deploy-agent', key: site.agent }, '');
    expect(listed.status === 0, listed.stderr).toBe(modern);
  });
});
