import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { addVersion, makeTar } from '../support/archive.js';
import type { OpenSsh } from '../support/open-ssh.js';
import { binPath } from '../support/program.js';
import { type ReportingHost, startHost } from '../support/reporting-host.js';
import { run } from '../support/run.js';
import { fileScope } from '../support/scope.js';
import { makeSshKey } from '../support/ssh-key.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const HOSTS = ['web1', 'web2', 'web7'];

/** Ten changes by two people; web7 fails at the sixth. The layers that each one leaves. */
const CHANGES = [
  ['alice', 'addconf project1 code:v1 config:v1', 'code:v1 config:v1'],
  ['alice', 'changeconf project1 code:v2', 'code:v2 config:v1'],
  ['bob', 'changeconf project1 config:v2', 'code:v2 config:v2'],
  ['alice', 'changeconf project1 code:v3', 'code:v3 config:v2'],
  ['bob', 'replaceconf project1 config:v2 code:v3', 'config:v2 code:v3'],
  ['bob', 'bumpconf project1 code', 'config:v2 code:v4'],
  ['alice', 'rollback project1 -to 4 -if-revision 6', 'code:v3 config:v2'],
  ['alice', 'replaceconf project1 code:v3 config:v2 extra:v1', 'code:v3 config:v2 extra:v1'],
  ['bob', 'replaceconf project1 code:v3 config:v2', 'code:v3 config:v2'],
  ['alice', 'changeconf project1 config:v1', 'code:v3 config:v1'],
] as const;
const FAILING = 6;

const scope = fileScope();
let world: World;
let people: Readonly<Record<'alice' | 'bob', OpenSsh>>;
let hosts: ReportingHost[];

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope));
  const { site, log } = world.registry;
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => makeSshKey(world.root, name)));
  if (alice === undefined || bob === undefined) throw new Error('two keys');
  writeFileSync(site.operatorKeys, `${site.operator.line}\n${alice.line}\n${bob.line}\n`);
  await log.line('key file loaded');
  people = { alice: world.client('alice', alice), bob: world.client('bob', bob) };
  for (const version of ['code:v1', 'code:v2', 'code:v3', 'code:v4', 'config:v1', 'config:v2', 'extra:v1']) {
    const [component = '', name = ''] = version.split(':');
    const archive = makeTar(join(world.root, component + name), Buffer.from(version));
    await addVersion(world.operator, archive, component, name);
  }
  hosts = await Promise.all(
    HOSTS.map((host) => startHost(scope, world.agent, { host, configs: ['project1'] })),
  );
  for (const [at, [who, line]] of CHANGES.entries()) {
    const done = await people[who].exec(line);
    if (done.status !== 0) throw new Error(`${line}: ${done.stderr}`);
    await land(at + 1);
  }
});

/** Every host says how it went. */
async function land(revision: number): Promise<void> {
  const { hash } = await ask('showconf project1 -json');
  const base = { config: 'project1', reason: 'deploy', revision, hash, attempt: 1 } as const;
  const timings = { fetch: 120, activate: 1300 };
  await Promise.all(
    hosts.map((host) => {
      const deploy = `${host.name}-${revision}`;
      const running = { revision, hash };
      const fine: StateReport = { ...base, deploy, state: 'healthy', running, lastGood: running, timings };
      if (host.name !== 'web7' || revision !== FAILING) return host.report(fine);
      const error = { kind: 'script', message: 'deploy.sh exited with status 3' };
      const log = ['migrating', 'error: relation "users" does not exist'];
      const before = { revision: revision - 1, hash };
      return host.report({ ...fine, state: 'rolled-back', running: before, lastGood: before, error, log });
    }),
  );
}

async function ask(line: string) {
  const { status, stdout, stderr } = await world.operator.exec(line);
  if (status !== 0) throw new Error(`${line}: ${stderr}`);
  return JSON.parse(stdout);
}

const text = async (line: string) => (await world.operator.exec(line)).stdout;
/** Columns, as single spaces. */
const rows = async (line: string) =>
  (await text(line))
    .trimEnd()
    .split('\n')
    .map((row) => row.replace(/ {2,}/g, '  ').trimEnd());

describe('history', () => {
  it('says who changed what when, from where, and where it landed', async () => {
    const [header, ...lines] = await rows('history project1');
    expect(header).toBe('REVISION  WHEN  WHO  FROM  CHANGED  LANDED');
    expect(lines.map((line) => line.replace(/\S+Z/, 'T'))).toEqual([
      '1  T  alice@test  alice@127.0.0.1  +code v1, +config v1  3 healthy',
      '2  T  alice@test  alice@127.0.0.1  code v1→v2  3 healthy',
      '3  T  bob@test  bob@127.0.0.1  config v1→v2  3 healthy',
      '4  T  alice@test  alice@127.0.0.1  code v2→v3  3 healthy',
      '5  T  bob@test  bob@127.0.0.1  other order  3 healthy',
      '6  T  bob@test  bob@127.0.0.1  code v3→v4  2 healthy, 1 rolled-back',
      '7  T  alice@test  alice@127.0.0.1  code v4→v3, other order  3 healthy',
      '8  T  alice@test  alice@127.0.0.1  +extra v1  3 healthy',
      '9  T  bob@test  bob@127.0.0.1  -extra v1  3 healthy',
      '10  T  alice@test  alice@127.0.0.1  config v2→v1  3 healthy',
    ]);
    expect(await rows('history project1 -limit 2')).toEqual([
      header,
      ...(await rows('history project1')).slice(-2),
    ]);
  });

  it('as JSON has the same, and the layers and the command of each', async () => {
    const list = await ask('history project1 -json');
    expect(
      list.map(
        ({ author, command, layers }: { author: { user: string }; command: string; layers: object[] }) => [
          author.user,
          command.replaceAll('=', ' '),
          layers.map((layer) => Object.values(layer).slice(0, 2).join(':')).join(' '),
        ],
      ),
    ).toEqual(CHANGES);
    expect(list[FAILING - 1]).toMatchObject({
      revision: FAILING,
      landed: { healthy: 2, 'rolled-back': 1 },
      changes: [{ component: 'code', from: { version: 'v3' }, to: { version: 'v4' } }],
    });
  });

  it('of a host has each of its deploys', async () => {
    const lines = await rows('history project1 -host web7');
    expect(lines).toHaveLength(11);
    expect(lines[FAILING]?.replace(/\S+Z/, 'T')).toBe(
      'T  web7-6  6  deploy  1  rolled-back  1.4s  script: deploy.sh exited with status 3',
    );
    const list = await ask('history project1 -host web7 -limit 1 -json');
    expect(list).toMatchObject([{ host: 'web7', deploy: 'web7-10', state: 'healthy', revision: 10 }]);
  });
});

describe('diff', () => {
  it('of the last two, of any two, of a revision and the one before', async () => {
    expect(await rows('diff project1')).toEqual(['project1: 9 → 10', '~  config  v2→v1']);
    expect(await rows('diff project1 -from 1 -to 8')).toEqual([
      'project1: 1 → 8',
      '~  code  v1→v3',
      '~  config  v1→v2',
      '+  extra  v1',
    ]);
    expect(await rows('diff project1 -from 8 -to 1')).toContain('-  extra  v1');
    expect(await rows('diff project1 -to 5')).toEqual(['project1: 4 → 5', 'order: config, code']);
    expect(await rows('diff project1 -from 4 -to 7')).toEqual(['project1: 4 → 7', 'no difference']);
    expect(await ask('diff project1 -to 1 -json')).toMatchObject({
      name: 'project1',
      from: null,
      to: 1,
      changes: [{ component: 'code', from: null, to: { version: 'v1' } }, { component: 'config' }],
      reordered: false,
    });
    const missing = await world.operator.exec('diff project1 -to 99');
    expect([missing.status, missing.stderr]).toEqual([
      1,
      'configuration "project1" has no revision 99 (history lists the revisions)\n',
    ]);
  });
});

describe('logs', () => {
  it('say why web7 failed', async () => {
    expect((await text('logs project1 web7 -deploy web7-6')).split('\n').slice(1)).toEqual([
      'script: deploy.sh exited with status 3',
      'migrating',
      'error: relation "users" does not exist',
      '',
    ]);
    expect(await ask('logs project1 web7 -deploy web7-6 -json')).toMatchObject({
      host: 'web7',
      result: { state: 'rolled-back', error: { kind: 'script' } },
      log: ['migrating', 'error: relation "users" does not exist'],
    });
  });
});

describe('audit', () => {
  it('says who did it, and whether it worked where', async () => {
    const failed = await ask('audit -name web7 -agents -failed -json');
    expect(failed).toMatchObject([
      {
        command: 'deploy',
        via: 'report',
        result: 'failed',
        subjects: ['project1', 'web7'],
        error: 'rolled-back: script: deploy.sh exited with status 3',
      },
    ]);
    const all: { command: string; user: string }[] = await ask('audit -name project1 -changes -agents -json');
    expect(all.filter(({ command }) => command === 'deploy')).toHaveLength(30);
    expect(all.filter(({ command }) => command !== 'deploy').map(({ user }) => user)).toEqual(
      CHANGES.map(([who]) => who),
    );
  });
});

describe('rollback', () => {
  it('is refused while somebody else has changed it, and says what is now', async () => {
    const { status, stderr } = await world.operator.exec('rollback project1 -to 4 -if-revision 9');
    expect([status, stderr]).toEqual([
      1,
      'configuration "project1" is at revision 10, not at revision 9 (check the change that was made meanwhile, and repeat yours)\n',
    ]);
  });

  it('is refused with a clear word when a version is gone', async () => {
    expect((await world.operator.exec('delver code:v4')).status).toBe(0);
    const { status, stderr } = await world.operator.exec('rollback project1 -to 6');
    expect([status, stderr]).toEqual([
      1,
      'version "v4" of component "code" is gone (revision 6 needs it: upload it again, or choose another revision)\n',
    ]);
  });
});

it('deployctl passes on what waiting came to', async () => {
  const { registry, root } = world;
  const args = ['-addr', `${registry.host}:${registry.port}`, '-fp', registry.fingerprint];
  const own = ['-key', join(root, 'operator'), '-user', 'ops', 'status', 'project1', '-wait', '0s'];
  const deployctl = () => run(binPath('deployctl'), [...args, ...own]);
  expect((await deployctl()).status).toBe(0);
  await world.operator.exec('rollback project1');
  const late = await deployctl();
  expect(late.status).toBe(3);
  expect(late.stdout).toMatch(/^time is up: web1 web2 web7$/m);
});
