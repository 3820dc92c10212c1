import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeTar } from '../support/archive.js';
import { addConfiguration, changeLayer } from '../support/configuration.js';
import { PATIENCE } from '../support/patience.js';
import { type ReportingHost, startHost } from '../support/reporting-host.js';
import { fileScope } from '../support/scope.js';
import { overOneConnection, startWorld, type World } from '../support/world.js';

const HOSTS = 50;
/** ssh processes that are started at the same time. */
const AT_ONCE = 8;

const scope = fileScope();
let world: World;
let hosts: Map<string, ReportingHost>;

beforeAll(async () => {
  world = await overOneConnection(scope, await startWorld(scope, ['-lost-after', '4s', '-heartbeat', '1s']));
  await addConfiguration(world.operator, 'project1', { code: blob() });
  hosts = new Map();
  for (let first = 1; first <= HOSTS; first += AT_ONCE) {
    const names = Array.from({ length: Math.min(AT_ONCE, HOSTS - first + 1) }, (_, at) => `web${first + at}`);
    for (const host of await Promise.all(names.map(start))) hosts.set(host.name, host);
  }
});

function start(host: string): Promise<ReportingHost> {
  return startHost(scope, world.agent, { host, configs: ['project1'], heartbeatMs: 500 });
}

function blob() {
  return makeTar(join(world.root, randomBytes(4).toString('hex')), randomBytes(100));
}

/** A new revision. @returns what a host says that runs it. */
async function release(version: string): Promise<StateReport> {
  await changeLayer(world.operator, 'project1', 'code', version, blob());
  const shown = JSON.parse((await world.operator.exec('showconf project1 -json')).stdout);
  const running = { revision: shown.revision, hash: shown.hash };
  const ids = { ...running, attempt: 1, deploy: `d-${version}` };
  return { config: 'project1', state: 'healthy', reason: 'deploy', ...ids, running, lastGood: running };
}

function all(report: StateReport, besides: readonly string[] = []): Promise<unknown> {
  const told = [...hosts.values()].filter(({ name }) => !besides.includes(name));
  return Promise.all(told.map((host) => host.report(report)));
}

const rolledBack = (report: StateReport): StateReport => ({
  ...report,
  state: 'rolled-back',
  error: { kind: 'script', message: 'deploy.sh exited with status 3' },
  log: ['starting', 'no such file'],
});

const status = (flags: string) => world.operator.exec(`status project1 ${flags}`);

describe('status -wait over 50 hosts', () => {
  it('all succeed: 0, as soon as the last one does', async () => {
    const report = await release('v2');
    const waiting = status(`-wait ${PATIENCE}`);
    await all(report, ['web50']);
    expect(JSON.parse((await status('-json')).stdout).counts).toMatchObject({ 'in-sync': 49 });
    await hosts.get('web50')?.report(report);
    const { status: exit, stdout } = await waiting;
    expect(stdout).toMatch(/^50 hosts: 50 in sync$/m);
    expect(stdout.endsWith('\nall hosts are in sync\n')).toBe(true);
    expect(exit).toBe(0);
  });

  it('one fails: 1 at once, the host and the reason are named', async () => {
    const report = await release('v3');
    const waiting = status(`-wait ${PATIENCE}`);
    await all(report, ['web7', 'web8']);
    await hosts.get('web7')?.report(rolledBack(report));
    const { status: exit, stdout } = await waiting;
    expect(stdout).toMatch(/^failed +web7 +rolled-back .* script: deploy\.sh exited with status 3$/m);
    expect(stdout).toMatch(/^pending +web8 /m);
    expect(stdout.endsWith('\nfailed: web7\n')).toBe(true);
    expect(exit).toBe(1);
  });

  it('time is up: 3, those that are not done are named', async () => {
    await release('v4');
    const { status: exit, stdout } = await status('-wait 1s');
    expect(stdout).toMatch(/^time is up: web1 web2 .*web50$/m);
    expect(exit).toBe(3);
  });

  it('one fails, one is dead, the rest succeed: 1, both are named, within the deadline', async () => {
    const report = await release('v5');
    const waiting = status(`-wait ${PATIENCE} -settle`);
    const asJson = status(`-wait ${PATIENCE} -settle -json`);
    await hosts.get('web9')?.die();
    await hosts.get('web7')?.report(rolledBack(report));
    await all(report, ['web7', 'web9']);
    const { status: exit, stdout } = await waiting;
    expect(exit).toBe(1);
    expect(stdout).toMatch(/^50 hosts: 1 failed, 1 lost, 48 in sync$/m);
    expect(stdout).toMatch(/^failed +web7 /m);
    expect(stdout).toMatch(/^lost +web9 .* silent for \d+s$/m);
    const json = JSON.parse((await asJson).stdout);
    expect(json.verdict).toBe('failed');
    expect(json.hosts.slice(0, 2)).toMatchObject([
      { host: 'web7', category: 'failed', error: { kind: 'script' } },
      { host: 'web9', category: 'lost', contact: 'lost', address: null },
    ]);
  });

  it('the dead one alone is missing: 1, and not at the deadline', async () => {
    const report = await release('v6');
    const waiting = status(`-wait ${PATIENCE}`);
    await all(report, ['web9']);
    const { status: exit, stdout } = await waiting;
    expect(stdout.endsWith('\nnot heard: web9\n')).toBe(true);
    expect(exit).toBe(1);
    expect((await world.operator.exec('forget -host web9')).status).toBe(0);
    expect((await status(`-wait ${PATIENCE}`)).status).toBe(0);
  });
});
