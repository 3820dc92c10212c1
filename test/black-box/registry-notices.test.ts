import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import { SMTPServer } from 'smtp-server';
import { beforeAll, describe, expect, it } from 'vitest';
import { type HttpPeer, startHttpPeer } from '../../packages/notices/test/support/http-peer.js';
import { makeTar } from '../support/archive.js';
import { addConfiguration, changeLayer, command } from '../support/configuration.js';
import type { RegistryProcess } from '../support/registry-process.js';
import { type ReportingHost, startHost } from '../support/reporting-host.js';
import { fileScope, testScope } from '../support/scope.js';
import { tempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { startWorld, type World } from '../support/world.js';

const SECRET = 'a secret of the test';
const NAMES = ['web1', 'web2', 'web3'];
const scope = fileScope();
let world: World;
let registry: RegistryProcess;
let hosts: ReportingHost[];
let webhook: HttpPeer;
let slack: HttpPeer;
/** Answers nothing, throughout. */
let dead: HttpPeer;
const subjects: string[] = [];

beforeAll(async () => {
  webhook = await startHttpPeer(() => ({ status: 200 }));
  slack = await startHttpPeer(({ body }, index) => {
    const { ts = `${index}.0` } = JSON.parse(body) as { ts?: string };
    return { status: 200, body: JSON.stringify({ ok: true, channel: 'C01', ts }) };
  });
  dead = await startHttpPeer(() => undefined);
  for (const peer of [webhook, slack, dead]) scope.defer(() => peer.close());
  const mail = await startMailbox();
  const env = { SLACK_TOKEN: 'xoxb-test', SLACK_API_URL: slack.url, WEBHOOK_SECRET: SECRET };
  world = await startWorld(scope, [], env);
  registry = world.registry;
  for (const url of [
    `webhook+${dead.url}/`,
    `webhook+${webhook.url}/hook`,
    'slack://deploys?title=shop',
    `smtp://127.0.0.1:${mail}/ops@example.com?from=deploy@example.com&tls=off`,
  ]) {
    await command(world.operator, `notify add '${url}'`);
  }
  hosts = await startHosts();
}, 60_000);

/** A real mail server. @returns its port. */
async function startMailbox(): Promise<number> {
  const server = new SMTPServer({
    hideSTARTTLS: true,
    authOptional: true,
    onData: (stream, _session, done) => {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      stream.on('end', () => {
        const subject = /^Subject: ((?:.*\r\n )*.*)\r$/m.exec(text)?.[1] ?? '';
        subjects.push(subject.replace(/\r\n /g, ' '));
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.server.address() as AddressInfo).port;
}

function startHosts(): Promise<ReportingHost[]> {
  return Promise.all(NAMES.map((host) => startHost(scope, world.agent, { host, configs: ['project1'] })));
}

function blob() {
  return makeTar(join(world.root, randomBytes(4).toString('hex')), randomBytes(100));
}

/** What a host says of the head. */
async function headReport(): Promise<StateReport> {
  const { revision, hash } = JSON.parse(await command(world.operator, 'showconf project1 -json'));
  const running = { revision, hash };
  return { config: 'project1', state: 'healthy', reason: 'deploy', ...running, running, lastGood: running };
}

const healthy = (report: StateReport, deploy: string): StateReport => ({ ...report, deploy });
const atWork = ({ running: _, lastGood: __, ...report }: StateReport, deploy: string): StateReport => ({
  ...report,
  state: 'fetching',
  deploy,
});
/** The same error each time, but for its numbers. */
const rolledBack = (report: StateReport, attempt: number): StateReport => ({
  ...atWork(report, `web1-${report.revision}-${attempt}`),
  state: 'rolled-back',
  attempt,
  error: { kind: 'script', message: `deploy.sh exited with status ${attempt}` },
});

/** Titles of what the webhook was told. */
const titles = (): string[] => webhook.requests.map(({ body }) => JSON.parse(body).title);

interface SlackRequest {
  readonly path: string;
  readonly text: string;
  readonly ts?: string;
  readonly thread_ts?: string;
  /** The time that Slack gave a new message. */
  readonly posted: string;
}

/** What Slack was asked; how often for newer numbers depends on how long things take. */
const asked = (): SlackRequest[] =>
  slack.requests.map(({ path, body }, at) => ({ path, posted: `${at}.0`, ...JSON.parse(body) }));
const posts = (): SlackRequest[] => asked().filter(({ path }) => path === '/chat.postMessage');

async function isTold(title: string): Promise<void> {
  await until(`told "${title}", not only ${titles().join('; ')}`, () => titles().includes(title), 30_000);
}

const [web1, web2, web3] = [0, 1, 2].map((at) => () => hosts[at] as ReportingHost) as [
  () => ReportingHost,
  () => ReportingHost,
  () => ReportingHost,
];

describe('deploy ok, three failures, five more, a restart, recovery, with one receiver dead throughout', () => {
  let report: StateReport;

  it('a deploy of three hosts that succeeds: it starts, it is done', async () => {
    await addConfiguration(world.operator, 'project1', { code: blob() });
    report = await headReport();
    await Promise.all(hosts.map((host) => host.report(atWork(report, `${host.name}-1`))));
    await isTold('project1 revision 1: deploying to 3 hosts');
    await Promise.all(hosts.map((host) => host.report(healthy(report, `${host.name}-1`))));
    await isTold('project1 revision 1: deployed on all 3 hosts');
  });

  it('three failures are told, five more are not', async () => {
    await changeLayer(world.operator, 'project1', 'code', 'v2', blob());
    report = await headReport();
    await Promise.all(hosts.map((host) => host.report(atWork(report, `${host.name}-2`))));
    await isTold('project1 revision 2: deploying to 3 hosts');
    // All that web1 does from here on is done by the only host that is not done.
    for (const host of [web2(), web3()]) await host.report(healthy(report, `${host.name}-2`));
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await web1().report(rolledBack(report, attempt));
      const count = () => titles().filter((title) => title.includes('failed and rolled back')).length;
      await until(`failure ${attempt} is told`, () => count() === attempt, 30_000);
    }
    for (let attempt = 4; attempt <= 8; attempt += 1) await web1().report(rolledBack(report, attempt));
  });

  it('a registry that is killed and started again tells nothing twice', async () => {
    await until(
      'all are told',
      () => [webhook.requests, subjects].every(({ length }) => length === 10) && posts().length === 9,
    );
    // What was taken and is not noted yet comes twice, as the documentation says.
    await until('all is noted', async () => {
      const receivers: { readonly waiting: number }[] = JSON.parse(
        await command(world.operator, 'notify list -json'),
      );
      return receivers.filter(({ waiting }) => waiting === 0).length === 3;
    });
    await registry.kill9();
    registry = await registry.restart();
    hosts = await startHosts();
    await web1().report(rolledBack(report, 8));
    for (const host of [web2(), web3()]) await host.report(healthy(report, `${host.name}-2`));
  });

  it('recovery is told with what was before, and these are all the messages', async () => {
    await web1().report(healthy(report, 'web1-2-9'));
    const recovered =
      /^project1 revision 2: deployed on all 3 hosts, recovered after 8 failures in [\dmsh.]+$/;
    await until('recovery is told', () => titles().some((title) => recovered.test(title)), 30_000);
    const failed = 'project1 revision 2: failed and rolled back on 1 of 3 hosts';
    const expected = [
      'code: version v1 added',
      'project1: revision 1',
      'project1 revision 1: deploying to 3 hosts',
      'project1 revision 1: deployed on all 3 hosts',
      'code: version v2 added',
      'project1: revision 2',
      'project1 revision 2: deploying to 3 hosts',
      ...[failed, failed, failed],
      expect.stringMatching(recovered),
    ];
    expect(titles()).toEqual(expected);
    await until('the mails are there', () => subjects.length === expected.length);
    expect(subjects).toEqual(expected);
    const [first, , third] = webhook.requests.slice(7, 10).map(({ body }) => JSON.parse(body));
    expect(first.body).toBe(
      'script: deploy.sh exited with status 1\nweb1: script: deploy.sh exited with status 1',
    );
    expect(third.streak).toMatchObject({ failures: 3, silence: true });
    expect(third.body).toMatch(/^The same error is not reported again before a success\.$/m);
  });

  it('slack: one message for the rollout that succeeds, one thread for the other, also after the restart', async () => {
    await until('slack is told', () => posts().length === 10);
    const [first, second] = posts().filter(({ text }) => text.includes('deploying'));
    const done = asked().findLast(({ path, ts }) => path === '/chat.update' && ts === first?.posted);
    expect(done?.text).toBe('project1 revision 1: deployed on all 3 hosts');
    const replies = posts().filter(({ thread_ts }) => thread_ts !== undefined);
    expect(replies.map(({ thread_ts }) => thread_ts)).toEqual(Array(4).fill(second?.posted));
    expect(replies.at(-1)?.text).toContain('recovered after 8 failures');
  });

  it('webhooks are signed', () => {
    for (const { headers, body } of webhook.requests) {
      const signed = createHmac('sha256', SECRET)
        .update(`${headers['deploy-timestamp']}.${body}`)
        .digest('hex');
      expect(headers['deploy-signature']).toBe(`sha256=${signed}`);
    }
  });

  it('the dead one took nothing, which shows, and does not hold the end of the registry up', async () => {
    const [first] = JSON.parse(await command(world.operator, 'notify list -json'));
    expect(first).toMatchObject({ id: 1, delivered: 0 });
    expect(first.waiting).toBeGreaterThan(0);
    const started = performance.now();
    expect(await registry.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe('a registry that may run programs', () => {
  it('tells one of a host that is lost, and of its return; of no other directory', async () => {
    const here = testScope();
    const dir = tempDir(here);
    const events = join(dir, 'events');
    mkdirSync(join(dir, 'allowed'));
    for (const name of ['allowed/tell', 'other']) {
      writeFileSync(join(dir, name), `#!/bin/sh\ncat >> ${events}\n`, { mode: 0o755 });
    }
    const { operator, agent } = await startWorld(here, [
      ...['-notify-exec', join(dir, 'allowed'), '-lost-after', '1500ms'],
    ]);
    const refused = await operator.exec(`notify add exec://${dir}/other`);
    expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining('it is not in') });
    await command(operator, `notify add exec://${dir}/allowed/tell -event host-lost -event host-recovered`);
    const last = () => {
      const lines = existsSync(events) ? readFileSync(events, 'utf8').split('\n').slice(0, -1) : [];
      return JSON.parse(lines.at(-1) ?? '{}');
    };
    const host = { host: 'web9', configs: ['project1'], heartbeatMs: 200 };
    const first = await startHost(here, agent, host);
    await first.die();
    await until('it is lost', () => last().event === 'host-lost', 30_000);
    expect(last()).toMatchObject({ title: 'host web9 lost', hosts: 1, configurations: ['project1'] });
    await startHost(here, agent, host);
    await until('it is back', () => last().event === 'host-recovered', 30_000);
  });
});
