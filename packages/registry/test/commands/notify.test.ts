import type { Notice } from '@deploy-tools/notices/notice.js';
import { withoutSecrets } from '@deploy-tools/registry/commands/dispatch.js';
import { Notifier } from '@deploy-tools/registry/core/notices/notifier.js';
import { NOTIFY_EVENTS } from '@deploy-tools/shared/commands/notify-specs.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpPeer, startHttpPeer } from '../../../notices/test/support/http-peer.js';
import { AGENT, addText, OPERATOR, openRegistry, type TestRegistry } from '../support/open-registry.js';

let registry: TestRegistry;
let peer: HttpPeer;
let status: number;

beforeEach(async () => {
  status = 200;
  registry = await openRegistry();
  peer = await startHttpPeer(() => ({ status }));
});
afterEach(() => peer.close());

const run = (line: string, who = OPERATOR) => registry.dispatcher.run({ principal: who, via: 'exec' }, line);

async function ran(line: string): Promise<string> {
  const { status: exit, stdout, stderr } = await run(line);
  if (exit !== 0) throw new Error(`${line}: ${stderr}`);
  return stdout;
}

const add = (flags = '') => ran(`notify add 'webhook+${peer.url}/' ${flags}`);
const listed = async () => JSON.parse(await ran('notify list -json'));
const audited = async () => JSON.parse(await ran('audit -command notify -json'));

describe('notify', () => {
  it('offers the events of notices', () => {
    const events: Readonly<Record<Notice['event'], true>> = {
      ...{ 'version-added': true, 'configuration-changed': true },
      ...{
        'deploy-started': true,
        'deploy-succeeded': true,
        'deploy-failed': true,
        'deploy-rolled-back': true,
      },
      ...{ 'host-lost': true, 'host-recovered': true, 'disk-low': true, 'disk-recovered': true },
      test: true,
    };
    expect([...NOTIFY_EVENTS, 'test']).toEqual(Object.keys(events));
  });

  it('add, list, test, remove', async () => {
    expect(await ran('notify list')).toBe('there is no receiver of notices; notify add adds one\n');
    expect(await add('-event deploy-failed -event host-lost -name p')).toMatch(/^receiver 1 added/);
    expect(await listed()).toMatchObject([
      {
        id: 1,
        url: `webhook+${peer.url}/`,
        events: ['deploy-failed', 'host-lost'],
        names: ['p'],
        comment: OPERATOR.comment,
        delivered: 0,
        lost: 0,
        waiting: 0,
        error: null,
        deliveries: [],
      },
    ]);
    expect(await ran('notify list')).toMatch(/^1 +0 +0 +0 +webhook\S+ +deploy-failed,host-lost +p +$/m);
    expect(await ran('notify test 1')).toBe('receiver 1 has taken a test message\n');
    expect(JSON.parse(peer.requests[0]?.body ?? '')).toMatchObject({
      event: 'test',
      author: OPERATOR.comment,
    });
    await ran('notify remove 1');
    expect(await listed()).toEqual([]);
    expect((await run('notify test 1')).stderr).toMatch(/there is no receiver 1/);
  });

  it('test says why it did not arrive, with status 1', async () => {
    await add();
    status = 404;
    expect(await run('notify test 1')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('answered 404'),
    });
  });

  it('versions make notices with their author; a receiver with a filter gets what matches', async () => {
    await add('-name code');
    await addText(registry, 'other', 'v1');
    const { hash } = await addText(registry, 'code', 'v1');
    await ran(`addver code:v2 ${hash}`);
    await peer.received(2);
    expect(peer.requests.map(({ body }) => JSON.parse(body))).toMatchObject([
      { event: 'version-added', component: 'code', version: 'v1' },
      { component: 'code', version: 'v2', author: OPERATOR.comment },
    ]);
    await expect.poll(() => ran('notify list -v')).toMatch(/delivered +1x +code: version v2 added/);
  });

  it('receivers are there after a restart, with what waits for them', async () => {
    status = 500;
    await add();
    await addText(registry, 'code', 'v1');
    await peer.received(1);
    await registry.notices.close(0);
    status = 200;
    const again = await Notifier.open({ ...registry, environment: {}, programs: 'none' });
    await peer.received(2);
    await again.close(10_000);
    const ids = peer.requests.map(({ body }) => JSON.parse(body).id);
    expect(new Set(ids).size).toBe(1);
    expect(await registry.meta.read(({ notices }) => notices.waiting(1))).toEqual([]);
  });

  it.each([
    ['notify', /do should be set/],
    ['notify change', /invalid value "change" for flag -do.*add, list, test, remove/],
    ['notify add', /receiver should be set/],
    ['notify add https://example.com/', /no receiver has the scheme "https"/],
    ['notify add slack://deploys', /SLACK_TOKEN is not set/],
    ['notify add exec:///bin/true', /-notify-exec DIR/],
    ['notify add slack://deploys -event deploy', /invalid value "deploy" for flag -event/],
    ['notify list -event host-lost', /-event and -name are for notify add/],
    ['notify list x', /"x" is not the number of a receiver/],
    ['notify remove 7', /there is no receiver 7/],
  ])('%s is refused', async (line, reason) => {
    expect(await run(line)).toMatchObject({ status: 1, stderr: expect.stringMatching(reason) });
    expect(await listed()).toEqual([]);
  });

  it('the same URL twice is refused', async () => {
    await add();
    expect((await run(`notify add webhook+${peer.url}/`)).stderr).toMatch(/receiver 1 has this URL already/);
  });

  it('agents may not', async () => {
    expect((await run('notify list', AGENT)).stderr).toMatch(/agents may not run notify/);
  });

  it('a secret in a URL is refused, and not written down', async () => {
    const urls = [
      'smtp://me:hunter2@mail/a@x.de',
      'webhook+https://x.de/?a=1&access_token=hunter2',
      'slack://hunter2@x',
    ];
    for (const url of urls) expect(await run(`notify add '${url}'`)).toMatchObject({ status: 1, stdout: '' });
    const records = await audited();
    expect(records).toHaveLength(3);
    expect(JSON.stringify(records)).not.toContain('hunter2');
    expect(records[1].args).toEqual(['add', 'webhook+https://x.de/?a=1&access_token=***']);
  });

  it('no line takes long to look through', () => {
    for (const part of ['?token', '&', '?', 'key', '://', '://a', "?sig'"]) {
      const line = `://${part.repeat(50_000)}`;
      const started = performance.now();
      withoutSecrets(line);
      expect(performance.now() - started).toBeLessThan(5000);
    }
  });

  it('where a secret is may be written down', () => {
    const line = "notify add 'webhook+https://x.de/?secret-env=WEBHOOK_SECRET' -name p";
    expect(withoutSecrets(line)).toBe(line);
  });
});
