// Debian packages: golang-go golang-golang-x-crypto-dev golang-github-pkg-sftp-dev
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { configurationHash } from '@deploy-tools/shared/model.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { archiveOf, stateBytes } from '../../packages/registry/test/takeover/original-state.js';
import { type Archive, makeArchive, makeTar } from '../support/archive.js';
import { buildGoProgram, describeWithGo } from '../support/go-programs.js';
import { binPath, startProgram } from '../support/program.js';
import {
  makeSite,
  type RegistryProcess,
  type RegistrySite,
  startRegistry,
} from '../support/registry-process.js';
import { type RunResult, run } from '../support/run.js';
import { fileScope, type Scope, testScope } from '../support/scope.js';
import { makeSshKey, type SshKey } from '../support/ssh-key.js';
import { tempDir } from '../support/temp-dir.js';

const BUILD_TIMEOUT_MS = 300_000;
/** As the original's own README makes the agent's key, and as it keeps its host key. */
const ECDSA_PEM = ['-t', 'ecdsa', '-b', '256', '-m', 'PEM'];
const PATTERN = (size: number) =>
  Buffer.from(Array.from({ length: size }, (_, index) => (index * 2654435761) >>> 13));

/** A site with the kinds of key that the original's users have, the host key included. */
async function makeOldSite(scope: Scope): Promise<RegistrySite & { readonly hostFingerprint: string }> {
  const site = await makeSite(scope);
  const operator = await makeSshKey(site.root, 'id_ecdsa_operator', ECDSA_PEM);
  const agent = await makeSshKey(site.root, 'id_ecdsa', ECDSA_PEM);
  const host = await makeSshKey(site.root, 'host', ECDSA_PEM);
  copyFileSync(host.path, join(site.dir, 'host_key'));
  writeFileSync(site.operatorKeys, `${operator.line}\n`);
  writeFileSync(site.agentKeys, `${agent.line}\n`);
  return { ...site, operator, agent, hostFingerprint: host.fingerprint };
}

describeWithGo('clients in Go against our registry', () => {
  const scope = fileScope();
  let program: string;

  beforeAll(async () => {
    program = await buildGoProgram(scope, 'client');
  }, BUILD_TIMEOUT_MS);

  const go = (
    registry: RegistryProcess,
    key: SshKey,
    flags: readonly string[],
    ...words: readonly string[]
  ) => {
    const address = [
      '-addr',
      `${registry.host}:${registry.port}`,
      '-fp',
      registry.fingerprint,
      '-key',
      key.path,
    ];
    return run(program, [...address, ...flags, ...words]);
  };

  const answer = async (ran: Promise<RunResult>): Promise<unknown> => {
    const { status, stdout, stderr } = await ran;
    expect(stderr).toBe('');
    expect(status).toBe(0);
    return JSON.parse(stdout) as unknown;
  };

  describe.each([
    ['today', []],
    ['2017', ['-old']],
  ] as const)('with what x/crypto/ssh of %s offers', (_when, flags) => {
    const worldScope = fileScope();
    let registry: RegistryProcess;
    let site: RegistrySite;
    let large: Archive;

    const operator = (...words: string[]) => answer(go(registry, site.operator, flags, ...words));
    const agent = (...words: string[]) =>
      answer(go(registry, site.agent, [...flags, '-user', 'deploy-agent'], ...words));

    beforeAll(async () => {
      const old = await makeOldSite(worldScope);
      site = old;
      registry = await startRegistry(worldScope, site);
      expect(registry.fingerprint).toBe(old.hostFingerprint);
      large = makeTar(join(site.root, 'large'), PATTERN(5_000_001));
    });

    it('takes an upload and its addver, quoted as Go quotes', async () => {
      const code = await makeArchive(worldScope, site.root, 'code', { 'app.js': 'v1' });
      expect(await operator('addver', 'code', 'v 1', code.path)).toEqual({ Status: 0, Output: '' });
      expect(await operator('addver', 'odd "name"', 'back\\slash', code.path)).toEqual({
        Status: 0,
        Output: '',
      });
      expect(await operator('addver', 'large', 'v1', large.path)).toEqual({ Status: 0, Output: '' });
      const [components, odd] = (await operator('exec', 'components', 'showcomp -name="odd \\"name\\""')) as {
        Output: string;
      }[];
      expect(components?.Output).toBe('code\nlarge\nodd "name"\n');
      expect(odd?.Output).toMatch(/^\S+ {3}back\\slash +\n$/);
    });

    it('says in the words that the tools look for that a version exists with other content', async () => {
      const code = await makeArchive(worldScope, site.root, 'again', { 'app.js': 'v2' });
      expect(await operator('addver', 'code', 'v 1', code.path)).toMatchObject({
        Status: 1,
        Output: expect.stringContaining('already exists'),
      });
    });

    it('runs several commands on one connection', async () => {
      expect(
        await operator(
          'exec',
          'addconf -name="project1" -layer="code:v 1" -layer="large:v1"',
          'configurations',
          'showconf -name=nope',
          'delcomp -name=large',
        ),
      ).toEqual([
        { Status: 0, Output: '' },
        { Status: 0, Output: 'project1\n' },
        { Status: 1, Output: expect.stringContaining('configuration "nope" not found') },
        { Status: 1, Output: expect.stringContaining('component is used by configuration "project1"') },
      ]);
    });

    it('takes many uploads at once on one connection', async () => {
      const files = Array.from({ length: 6 }, (_, index) => {
        const path = join(site.root, `many-${index}`);
        return makeTar(path, PATTERN(300_000 + index)).path;
      });
      const results = await operator('upload-many', ...files);
      expect(results).toEqual(files.map(() => ({ Status: 0, Output: '' })));
      const [shown] = (await operator('exec', 'showcomp -name many')) as { Output: string }[];
      expect(shown?.Output.match(/v\d/g)?.sort()).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5']);
    });

    it('refuses exec and uploads to agents', async () => {
      expect(await agent('refused-exec', 'components')).toContain('ssh: command components failed');
      expect(await agent('refused-upload')).toMatch(/permission denied|not permitted/i);
    });

    it('serves the tree to agents', async () => {
      expect(await agent('list', '/')).toEqual(
        ['configs', 'files', 'manifests', 'packs'].map((name) => ({
          Name: name,
          Size: expect.any(Number),
          Dir: true,
        })),
      );
      const json = (await agent('read', 'configs/project1.json')) as string;
      expect(json).toMatch(
        /^\{\n\t"Name": "project1",\n\t"Mtime": "[^"]+Z",\n\t"Hash": "[0-9a-f]{64}",\n\t"Layers": \[/,
      );
      expect(await agent('list', '/configs')).toEqual([
        { Name: 'project1.json', Size: Buffer.byteLength(json), Dir: false },
      ]);
      expect(await agent('list', '/files')).toContainEqual({
        Name: large.hash,
        Size: large.size,
        Dir: false,
      });
      expect(await agent('download', `files/${large.hash}`)).toEqual([large.hash, large.hash]);
    });

    it('is followed, and our agent goes on where the other stopped', async () => {
      const dir = join(site.root, 'web1');
      mkdirSync(dir);
      // The agent's archive has to unpack; the large one is no archive.
      await operator('exec', 'addconf -name=project2 -layer="code:v 1"');
      const seen = (await agent('follow', 'project2', dir)) as { Hash: string; Layers: { Hash: string }[] };
      expect(seen.Hash).toBe(configurationHash(seen.Layers.map((layer) => layer.Hash)));
      const once = await ourAgent(registry, registry.fingerprint, site.agent, 'project2', dir);
      expect(once.status, once.stderr).toBe(0);
      expect(existsSync(join(dir, 'unpacked'))).toBe(false); // it took the state for what it is
    });
  });

  it('RSA keys need -compat where the client signs with SHA-1 only', async () => {
    const site = await makeOldSite(testScope());
    const rsa = await makeSshKey(site.root, 'rsa', ['-t', 'rsa', '-b', '2048']);
    writeFileSync(site.operatorKeys, `${rsa.line}\n`);
    const strict = await startRegistry(testScope(), site);
    expect((await go(strict, rsa, ['-old'], 'exec', 'components')).stderr).toContain(
      'unable to authenticate',
    );
    expect(await answer(go(strict, rsa, [], 'exec', 'components'))).toEqual([{ Status: 0, Output: '' }]);
    await strict.stop();
    const compatible = await startRegistry(testScope(), site, ['-compat']);
    expect(await answer(go(compatible, rsa, ['-old'], 'exec', 'components'))).toEqual([
      { Status: 0, Output: '' },
    ]);
  });

  it('finds everything after our registry took over the directory of the other', async () => {
    const site = await makeOldSite(testScope());
    writeFileSync(join(site.dir, 'state.db'), stateBytes('one-of-each'), { mode: 0o600 });
    mkdirSync(join(site.dir, 'files'), { mode: 0o700 });
    const { hash, bytes } = archiveOf('code', 'v01');
    writeFileSync(join(site.dir, 'files', hash), bytes);
    const registry = await startRegistry(testScope(), site);
    const flags = ['-user', 'deploy-agent'];
    expect(await answer(go(registry, site.agent, flags, 'follow', 'project1', site.root))).toMatchObject({
      Name: 'project1',
      Hash: configurationHash([hash]),
      Layers: [
        { Name: 'code', Version: 'v01', File: `files/${hash}`, Hash: hash, Ctime: '2017-03-01T11:23:36.1Z' },
      ],
    });
    expect(readFileSync(join(site.root, 'cache', hash)).equals(bytes)).toBe(true);
  });
});

describeWithGo('our programs against a registry in Go', () => {
  const scope = fileScope();
  let program: string;

  beforeAll(async () => {
    program = await buildGoProgram(scope, 'server');
  }, BUILD_TIMEOUT_MS);

  describe.each([
    ['today', []],
    ['2017', ['-old']],
  ] as const)('with what x/crypto/ssh of %s offers', (_when, flags) => {
    const worldScope = fileScope();
    let site: RegistrySite;
    let server: GoRegistry;
    let env: NodeJS.ProcessEnv;

    beforeAll(async () => {
      site = await makeOldSite(worldScope);
      server = await startGoRegistry(worldScope, program, site, flags);
      env = {
        ...process.env,
        HOME: site.root,
        SSH_AUTH_SOCK: '',
        DEPLOYCTL_ADDR: server.addr,
        DEPLOYCTL_FINGERPRINT: server.fingerprint,
      };
    });

    const deployctl = (...words: string[]) =>
      run(binPath('deployctl'), ['-key', site.operator.path, ...words], { env });

    const addver = async (component: string, version: string, files: Record<string, string>) => {
      const { path } = await makeArchive(worldScope, site.root, component, files);
      return deployctl('addver', '-name', component, '-version', version, '-file', path);
    };

    it('deployctl adds versions and configurations', async () => {
      expect(await addver('code', 'v 1', { 'app.js': 'one' })).toMatchObject({ status: 0, stdout: '' });
      expect(await addver('config', 'v1', { 'app.conf': 'one' })).toMatchObject({ status: 0, stdout: '' });
      const added = await deployctl(
        'addconf',
        '-name',
        'project1',
        '-layer',
        'code:v 1',
        '-layer',
        'config:v1',
      );
      expect(added).toEqual({ status: 0, stdout: '', stderr: '' });
      const shown = await deployctl('showconf', '-name', 'project1', '-v');
      expect(shown.stdout).toMatch(/^Name:\tproject1\nMtime:\t\S+\nHash:\t[0-9a-f]{64}\n\ncode {3}v 1 {3}/);
      expect((await deployctl('components')).stdout).toBe('code\nconfig\n');
    });

    it('deployctl passes failures on', async () => {
      const failed = await deployctl('changeconf', '-name', 'nope', '-component', 'code', '-version', 'v 1');
      expect(failed).toEqual({ status: 1, stdout: 'configuration "nope" not found\n', stderr: '' });
      const exists = await addver('code', 'v 1', { 'app.js': 'one' });
      expect(exists).toMatchObject({ status: 1, stdout: 'version "v 1" already exists\n' });
    });

    it('status and output survive when they overtake the reply to the request', async () => {
      for (let round = 0; round < 5; round += 1) {
        expect((await deployctl('configurations')).stdout).toBe('project1\n');
      }
    });

    it('deploy-from-docker makes a configuration', async () => {
      const image = readFileSync(
        join(import.meta.dirname, '../../packages/ctl/test/fixtures/app-docker-archive.tar'),
      );
      const args = ['-key', site.operator.path, '-name', 'app', '-layer', 'config:v1'];
      for (let round = 0; round < 2; round += 1) {
        const made = await run(binPath('deploy-from-docker'), args, { env, input: image });
        expect(made.status, made.stdout + made.stderr).toBe(0);
      }
      const dir = join(site.root, 'app');
      const bad = await run(binPath('deploy-from-docker'), [...args, '-layer', 'nope:v1'], {
        env,
        input: image,
      });
      expect(bad.stderr).toContain('the registry has no version "v1" of component "nope"');
      const once = await ourAgent(server.target, server.fingerprint, site.agent, 'app', dir);
      expect(once.status, once.stderr).toBe(0);
      const { Hash } = stateIn(dir);
      expect(readFileSync(join(dir, 'unpacked', Hash, 'app/program.txt'), 'utf8')).toContain('v2 program');
    });

    it('the agent deploys, and deploys what changes', async () => {
      const dir = join(site.root, 'project1');
      const script = join(site.root, 'deploy.sh');
      writeFileSync(script, '#!/bin/sh\necho "$OLDID:$NEWID" >>"$HOME/deployed"\n', { mode: 0o755 });
      const look = () =>
        ourAgent(server.target, server.fingerprint, site.agent, 'project1', dir, script, { HOME: site.root });
      expect((await look()).status).toBe(0);
      const first = stateIn(dir).Hash;
      await addver('config', 'v2', { 'app.conf': 'two' });
      await deployctl('changeconf', '-name', 'project1', '-component', 'config', '-version', 'v2');
      expect((await look()).status).toBe(0);
      const second = stateIn(dir).Hash;
      expect((await look()).status).toBe(0);
      expect(readFileSync(join(site.root, 'deployed'), 'utf8')).toBe(`:${first}\n${first}:${second}\n`);
      expect(readFileSync(join(dir, 'unpacked', second, 'app.conf'), 'utf8')).toBe('two');
      expect(readFileSync(join(dir, 'unpacked', second, 'app.js'), 'utf8')).toBe('one');
    });

    it('the agent that runs on is refused its watch, says so once, and polls', async () => {
      const dir = join(site.root, 'polling');
      await addver('polled', 'v1', { 'a.txt': 'one' });
      await deployctl('addconf', '-name', 'polling', '-layer', 'polled:v1');
      const args = agentArgs(server.target, server.fingerprint, site.agent, 'polling', dir);
      const agent = startProgram(testScope(), 'deploy-agent', [...args, '-poll', '100ms', '-v']);
      await agent.log.line('deployed');
      await addver('polled', 'v2', { 'a.txt': 'two' });
      const from = agent.log.lines.length;
      await deployctl('changeconf', '-name', 'polling', '-component', 'polled', '-version', 'v2');
      await agent.log.lineAfter(from, 'deployed');
      expect(readFileSync(join(dir, 'unpacked', stateIn(dir).Hash, 'a.txt'), 'utf8')).toBe('two');
      const refusals = agent.log.lines.filter(({ msg }) => /does not announce changes/.test(msg));
      expect(refusals).toMatchObject([{ level: 30 }]);
      expect(agent.log.lines.filter(({ level }) => level > 30)).toEqual([]);
    });

    it('the agent says that there is no such configuration', async () => {
      const once = await ourAgent(
        server.target,
        server.fingerprint,
        site.agent,
        'nope',
        join(site.root, 'nope'),
      );
      expect(once.status).toBe(1);
      expect(once.stderr).toContain('the registry has no configuration \\"nope\\"');
    });
  });
});

interface GoRegistry {
  readonly addr: string;
  readonly fingerprint: string;
  readonly target: { readonly host: string; readonly port: number };
}

async function startGoRegistry(
  scope: Scope,
  program: string,
  site: RegistrySite,
  flags: readonly string[],
): Promise<GoRegistry> {
  const args = ['-dir', tempDir(scope), '-opauth', site.operatorKeys, '-srvauth', site.agentKeys, ...flags];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  scope.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { addr, fingerprint } = JSON.parse(line) as { addr: string; fingerprint: string };
  const [host = '', port = ''] = addr.split(':');
  return { addr, fingerprint, target: { host, port: Number(port) } };
}

/** One look of our agent. Without a script nothing is run. */
function ourAgent(
  target: { readonly host: string; readonly port: number },
  fingerprint: string,
  key: SshKey,
  name: string,
  dir: string,
  script = '',
  env: NodeJS.ProcessEnv = {},
): Promise<RunResult> {
  const args = [...agentArgs(target, fingerprint, key, name, dir, script), '-once'];
  return run(binPath('deploy-agent'), args, { env: { ...process.env, ...env } });
}

function agentArgs(
  target: { readonly host: string; readonly port: number },
  fingerprint: string,
  key: SshKey,
  name: string,
  dir: string,
  script = '',
): string[] {
  const files = ['-key', key.path, '-dir', dir, '-state', join(dir, 'state.json'), `-script=${script}`];
  return ['-addr', `${target.host}:${target.port}`, '-fp', fingerprint, '-name', name, ...files];
}

function stateIn(dir: string): { readonly Hash: string } {
  return JSON.parse(readFileSync(join(dir, 'state.json'), 'utf8')) as { Hash: string };
}
