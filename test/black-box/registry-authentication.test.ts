import { writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSsh } from '../support/open-ssh.js';
import { makeSite, startRegistry } from '../support/registry-process.js';
import { run } from '../support/run.js';
import { fileScope, testScope } from '../support/scope.js';
import { makeSshKey, type SshKey } from '../support/ssh-key.js';
import { startWorld, type World } from '../support/world.js';

const DENIED = /Permission denied \(publickey\)/;

describe('who may come in', () => {
  const scope = fileScope();
  let world: World;
  const keys: Record<string, SshKey> = {};

  beforeAll(async () => {
    const site = await makeSite(scope);
    const types: Record<string, string[]> = {
      rsa: ['-t', 'rsa', '-b', '2048'],
      ecdsa256: ['-t', 'ecdsa', '-b', '256'],
      ecdsa384: ['-t', 'ecdsa', '-b', '384'],
      ecdsa521: ['-t', 'ecdsa', '-b', '521'],
    };
    const names = [...Object.keys(types), 'stranger', 'elsewhere', 'here', 'expired', 'current', 'negated'];
    for (const name of names) keys[name] = await makeSshKey(site.root, name, types[name]);
    const line = (name: string, options = '') => `${options}${keys[name]?.line}\n`;
    writeFileSync(
      site.operatorKeys,
      [
        `${site.operator.line}\n# teams\n`,
        ...Object.keys(types).map((name) => line(name)),
        line('elsewhere', 'from="10.0.0.0/8,192.168.*" '),
        line('here', 'from="10.0.0.0/8,127.0.0.0/8",no-pty '),
        line('negated', 'from="!127.0.0.1,*" '),
        line('expired', 'expiry-time="20200101" '),
        line('current', 'restrict,expiry-time="20991231Z" '),
      ].join(''),
    );
    const registry = await startRegistry(scope, site);
    const client: World['client'] = (user, key, set = []) =>
      openSsh(registry, { dir: site.root, user, key, set });
    world = {
      registry,
      root: site.root,
      client,
      operator: client('ops', site.operator),
      agent: client('deploy-agent', site.agent),
    };
  });

  const key = (name: string): SshKey => {
    const found = keys[name];
    if (found === undefined) throw new Error(`no key ${name}`);
    return found;
  };

  const expectDenied = async (user: string, who: SshKey, reason: string | RegExp) => {
    const from = world.registry.log.lines.length;
    const answer = await world.client(user, who).exec('components');
    expect(answer.stderr).toMatch(DENIED);
    expect(answer.status).toBe(255);
    const line = await world.registry.log.lineAfter(from, 'key not accepted');
    expect(line.reason).toMatch(reason);
    expect(line).toMatchObject({ user, address: '127.0.0.1', client: expect.stringContaining('OpenSSH') });
  };

  it('an operator, under any user name', async () => {
    for (const user of ['ops', 'root', 'jörg', 'deploy-agents']) {
      const answer = await world.client(user, world.registry.site.operator).exec('components');
      expect(answer.status, answer.stderr).toBe(0);
    }
    const line = await world.registry.log.line(
      (found) => found.msg === 'authenticated' && found.user === 'jörg',
    );
    expect(line).toMatchObject({
      role: 'operator',
      fingerprint: world.registry.site.operator.fingerprint,
      who: 'operator@test',
      address: '127.0.0.1',
    });
  });

  it.each(['rsa', 'ecdsa256', 'ecdsa384', 'ecdsa521', 'here', 'current'])('the key %s', async (name) => {
    const answer = await world.client('ops', key(name)).exec('components');
    expect(answer.status, answer.stderr).toBe(0);
  });

  it('not an operator as agent, nor an agent as operator', async () => {
    const { operator, agent } = world.registry.site;
    await expectDenied('deploy-agent', operator, 'unknown agent key');
    await expectDenied('ops', agent, 'unknown operator key');
  });

  it('not a stranger', () => expectDenied('ops', key('stranger'), 'unknown operator key'));

  it('not from another address than the key says', async () => {
    await expectDenied('ops', key('elsewhere'), 'from this address');
    await expectDenied('ops', key('negated'), 'from this address');
  });

  it('not after the expiry time', () => expectDenied('ops', key('expired'), 'at this time'));

  it('not with a password, which is never offered', async () => {
    const asking = ['PreferredAuthentications=password,keyboard-interactive', 'LogLevel=VERBOSE'];
    const answer = await world.client('ops', world.registry.site.operator, asking).exec('components');
    expect(answer.stderr).toMatch(DENIED);
    expect(answer.stderr).not.toMatch(/password:/i);
  });

  it('not with an RSA signature over SHA-1', async () => {
    const sha1 = world.client('ops', key('rsa'), ['PubkeyAcceptedAlgorithms=ssh-rsa']);
    const answer = await sha1.exec('components');
    expect(answer.stderr).toMatch(DENIED);
  });

  it('sees no other service: agents no exec and no console, nobody a tunnel', async () => {
    const { agent, operator } = world;
    const exec = await agent.exec('components');
    expect(exec.status).not.toBe(0);
    expect(exec.stdout).toBe('');
    const shell = await agent.lines('components\n');
    expect(shell.status).not.toBe(0);
    expect(shell.stdout).toBe('');
    for (const client of [agent, operator]) {
      const direct = await run('ssh', ['-W', `127.0.0.1:${world.registry.port}`, ...client.sshArgs()]);
      expect(direct.status).not.toBe(0);
      const remote = ['-N', '-R', '0:127.0.0.1:1', '-o', 'ExitOnForwardFailure=yes'];
      expect((await run('ssh', [...remote, ...client.sshArgs()])).status).toBe(255);
      const other = await run('ssh', ['-s', ...client.sshArgs('netconf')]);
      expect(other.status).not.toBe(0);
    }
  });
});

it('IPv4 addresses are judged as such where the registry listens on IPv6', async () => {
  const scope = testScope();
  const site = await makeSite(scope);
  const negated = await makeSshKey(site.root, 'negated');
  const pattern = await makeSshKey(site.root, 'pattern');
  const lines = [
    site.operator.line,
    `from="!127.0.0.1,*" ${negated.line}`,
    `from="127.0.0.*" ${pattern.line}`,
  ];
  writeFileSync(site.operatorKeys, `${lines.join('\n')}\n`);
  const { port } = await startRegistry(scope, site, ['-addr', ':0']);
  const exec = (key: SshKey) =>
    openSsh({ host: '127.0.0.1', port }, { dir: site.root, user: 'ops', key }).exec('audit');
  expect((await exec(negated)).stderr).toMatch(DENIED);
  const admitted = await exec(pattern);
  expect(admitted.status, admitted.stderr).toBe(0);
  expect((await exec(site.operator)).stdout).toContain('ops@127.0.0.1 ');
});

it('-compat takes RSA signatures over SHA-1', async () => {
  const scope = testScope();
  const site = await makeSite(scope);
  const rsa = await makeSshKey(site.root, 'rsa', ['-t', 'rsa', '-b', '2048']);
  writeFileSync(site.operatorKeys, `${rsa.line}\n`);
  const registry = await startRegistry(scope, site, ['-compat']);
  const set = ['PubkeyAcceptedAlgorithms=ssh-rsa'];
  const answer = await openSsh(registry, { dir: site.root, user: 'ops', key: rsa, set }).exec('components');
  expect(answer.status, answer.stderr).toBe(0);
});

it('too many tries end the connection', async () => {
  const scope = testScope();
  const world = await startWorld(scope, ['-max-auth-tries', '3']);
  const wrong: SshKey[] = [];
  for (let number = 0; number < 5; number += 1) wrong.push(await makeSshKey(world.root, `wrong${number}`));
  const identities = wrong.map(({ path }) => `IdentityFile=${path}`);
  const answer = await world.client('ops', world.registry.site.operator, identities).exec('components');
  expect(answer.status).toBe(255);
  const line = await world.registry.log.line('too many authentication tries (-max-auth-tries)');
  expect(line).toMatchObject({ tries: 3, address: '127.0.0.1' });
  const two = await world
    .client('ops', world.registry.site.operator, identities.slice(0, 2))
    .exec('components');
  expect(two.status, two.stderr).toBe(0);
});
