import { openNotifier } from '@deploy-tools/notices/notifier.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { kindOfRejection } from '../../shared/test/support/kind-of.js';
import { startHttpPeer } from './support/http-peer.js';
import { deployOf, failedOf, later, TIME } from './support/samples.js';

const log = await createLogger('test', 'silent');
const options = { environment: {}, log, clock: () => new Date(TIME) };

async function peer(status: number) {
  const started = await startHttpPeer(() => ({ status }));
  onTestFinished(() => started.close());
  return started;
}

describe('an agent without a registry', () => {
  it('is heard by whoever lives, with one receiver dead throughout', async () => {
    const [alive, broken] = [await peer(200), await peer(500)];
    const notifier = await openNotifier(
      [`webhook+${broken.url}/`, 'webhook+http://127.0.0.1:1/', `webhook+${alive.url}/`],
      options,
    );
    const one = { revision: 0, release: 'v2', hosts: 1, done: 1 };
    notifier.tell(deployOf('deploy-succeeded', one));
    for (let at = 1; at <= 8; at += 1) notifier.tell(failedOf(`status ${at}`, { ...one, time: later(at) }));
    notifier.tell(deployOf('deploy-succeeded', { ...one, release: 'v3', time: later(10) }));
    await alive.received(5);
    const started = performance.now();
    await notifier.close(1000);
    expect(performance.now() - started).toBeLessThan(60_000);
    expect(alive.requests.map(({ body }) => JSON.parse(body).title)).toEqual([
      'project1 v2: deployed',
      ...Array(3).fill('project1 v2: failed'),
      'project1 v3: deployed, recovered after 8 failures in 9m0s',
    ]);
  });

  it.each([
    ['https://example.com/', 'usage'],
    ['slack://deploys', 'denied'],
    ['exec:///no/such/program', 'not-found'],
    ['smtp://mail/a@x.de', 'usage'],
    ['webhook+http://127.0.0.1:1/?secret-file=/no/such/file', 'denied'],
  ])('%s is refused at the start: %s', async (url, kind) => {
    expect(await kindOfRejection(openNotifier([url], options))).toBe(kind);
  });
});
