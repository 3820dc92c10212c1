import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { type Archive, addVersion, makeTar } from '../support/archive.js';
import { openSsh } from '../support/open-ssh.js';
import { makeSite, type RegistryProcess, startRegistry } from '../support/registry-process.js';
import type { RunResult } from '../support/run.js';
import { fileScope } from '../support/scope.js';
import { makeSshKey, type SshKey } from '../support/ssh-key.js';

/** Who a client is to log in as. */
export interface Login {
  readonly registry: RegistryProcess;
  readonly user: string;
  readonly key: SshKey;
  /** For files of the client's own. */
  readonly dir: string;
}

/** A client under test. Each function runs the real program; status 0 is success. */
export interface ClientUnderTest {
  /** Flags that the registry needs for it. */
  readonly registryFlags?: readonly string[];
  /** Arguments of ssh-keygen for keys that it can read. */
  readonly keyOptions?: readonly string[];
  /** Absent for clients that only move files. */
  readonly exec?: (login: Login, line: string) => Promise<RunResult>;
  readonly put: (login: Login, local: string, remote: string) => Promise<RunResult>;
  readonly get: (login: Login, remote: string, local: string) => Promise<RunResult>;
  readonly list: (login: Login, path: string) => Promise<RunResult>;
}

const LARGE = 5 * 1024 * 1024 + 321;

/** What either role may do with this client, and that it can do no more. */
export function itServes(client: ClientUnderTest): void {
  const scope = fileScope();
  let operator: Login;
  let agent: Login;
  let stock: ReturnType<typeof openSsh>;
  let archive: Archive;

  beforeAll(async () => {
    const site = await makeSite(scope);
    const options = client.keyOptions ?? ['-t', 'ed25519'];
    const operatorKey = await makeSshKey(site.root, 'client-operator', options);
    const agentKey = await makeSshKey(site.root, 'client-agent', options);
    writeFileSync(site.operatorKeys, `${site.operator.line}\n${operatorKey.line}\n`);
    writeFileSync(site.agentKeys, `${agentKey.line}\n`);
    const registry = await startRegistry(scope, site, client.registryFlags ?? []);
    operator = { registry, user: 'ops', key: operatorKey, dir: site.root };
    agent = { registry, user: 'deploy-agent', key: agentKey, dir: site.root };
    stock = openSsh(registry, { dir: site.root, user: 'ops', key: site.operator });
    archive = makeTar(join(site.root, 'archive'), randomBytes(LARGE));
    await addVersion(stock, archive, 'code', 'v1');
    const added = await stock.exec('addconf project1 code:v1');
    expect(added.status, added.stderr).toBe(0);
  });

  const uploads = () => readdirSync(join(operator.registry.site.dir, 'uploads'));
  const isEmpty = (path: string) => !existsSync(path) || statSync(path).size === 0;

  it('an operator uploads, and names what was uploaded', async () => {
    const blob = makeTar(join(operator.dir, 'blob'), randomBytes(LARGE));
    const put = await client.put(operator, blob.path, 'blob');
    expect(put.status, put.stdout + put.stderr).toBe(0);
    expect(uploads()).toEqual([blob.hash]);
    const line = `addver -name code -version v2 -hash ${blob.hash}`;
    const added = await (client.exec?.(operator, line) ?? stock.exec(line));
    expect(added.status, added.stderr).toBe(0);
    expect(uploads()).toEqual([]);
  });

  const { exec } = client;
  if (exec !== undefined) {
    it('an operator runs commands and sees their answer and status', async () => {
      const shown = await exec(operator, 'showconf -name "project1"');
      expect(shown).toMatchObject({ status: 0, stdout: expect.stringMatching(/^code {3}v1 {3}\S+Z/) });
      const failed = await exec(operator, 'showconf -name "no such"');
      expect(failed.status).toBe(1);
      expect(failed.stdout + failed.stderr).toContain('configuration "no such" not found');
    });
  }

  it('an operator reads nothing', async () => {
    const local = join(operator.dir, 'operator-got');
    for (const path of [`files/${archive.hash}`, 'configs/project1.json', '/etc/passwd']) {
      await client.get(operator, path, local);
      expect(isEmpty(local), path).toBe(true);
    }
    expect((await client.list(operator, 'configs')).stdout).not.toContain('project1');
  });

  it('an agent reads configurations and archives', async () => {
    const config = join(agent.dir, 'project1.json');
    const got = await client.get(agent, 'configs/project1.json', config);
    expect(got.status, got.stdout + got.stderr).toBe(0);
    expect(JSON.parse(readFileSync(config, 'utf8'))).toMatchObject({ Name: 'project1' });
    const local = join(agent.dir, 'got');
    const file = await client.get(agent, `files/${archive.hash}`, local);
    expect(file.status, file.stdout + file.stderr).toBe(0);
    expect(readFileSync(local).equals(readFileSync(archive.path))).toBe(true);
    expect((await client.list(agent, 'configs')).stdout).toContain('project1.json');
    expect((await client.list(agent, 'files')).stdout).toContain(archive.hash);
  });

  it('an agent writes nothing and runs nothing', async () => {
    for (const remote of ['x', 'configs/project1.json', `files/${'0'.repeat(64)}`]) {
      const put = await client.put(agent, archive.path, remote);
      expect(put.status, remote).not.toBe(0);
    }
    expect(uploads()).toEqual([]);
    if (client.exec === undefined) return;
    const exec = await client.exec(agent, 'components');
    expect(exec.status).not.toBe(0);
    expect(exec.stdout).not.toContain('code');
  });
}
