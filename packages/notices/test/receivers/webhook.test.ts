import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '@deploy-tools/notices/environment.js';
import { openReceiver } from '@deploy-tools/notices/open-receiver.js';
import type { Receiver } from '@deploy-tools/notices/receiver.js';
import { recentThreads } from '@deploy-tools/notices/recent-threads.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { type HttpPeer, type HttpReply, startHttpPeer } from '../support/http-peer.js';
import { failedOf, messageOf, TIME } from '../support/samples.js';

const NEVER = new AbortController().signal;
let peer: HttpPeer | undefined;

afterEach(() => peer?.close());

async function receiver(
  answer: (index: number) => HttpReply | undefined,
  query = '',
  environment: Environment = {},
): Promise<{ receiver: Receiver; peer: HttpPeer }> {
  peer = await startHttpPeer((_, index) => answer(index));
  const clock = () => new Date(TIME);
  const tools = { environment, clock, threads: recentThreads(), programs: 'none' } as const;
  return { receiver: openReceiver(`webhook+${peer.url}/hook?team=a${query}`, tools), peer };
}

describe('webhook', () => {
  it('posts the event as JSON', async () => {
    const { receiver: hook, peer: server } = await receiver(() => ({ status: 204 }));
    await hook.send(messageOf(failedOf('x')), NEVER);
    const [request] = server.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/hook?team=a' });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'deploy-event': 'deploy-failed',
      'deploy-delivery': 'id-1',
    });
    expect(request?.headers['deploy-signature']).toBeUndefined();
    expect(JSON.parse(request?.body ?? '')).toEqual({
      id: 'id-1',
      ...failedOf('x'),
      thread: 'deploy/project1/7',
      title: 'project1 revision 7: failed on 1 of 3 hosts',
      body: 'script: x\nweb1: script: x',
    });
  });

  it('signs timestamp and body with a secret of the environment or of a file', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, 'secret'), 'from a file\n');
    const cases: [string, Environment, string][] = [
      ['', { WEBHOOK_SECRET: 'common' }, 'common'],
      ['', { WEBHOOK_SECRET_FILE: join(dir, 'secret') }, 'from a file'],
      ['&secret-env=WEBHOOK_SECRET_A', { WEBHOOK_SECRET: 'common', WEBHOOK_SECRET_A: 'own' }, 'own'],
      [`&secret-file=${join(dir, 'secret')}`, {}, 'from a file'],
    ];
    for (const [query, environment, secret] of cases) {
      const { receiver: hook, peer: server } = await receiver(() => ({ status: 200 }), query, environment);
      await hook.send(messageOf(), NEVER);
      const [request] = server.requests;
      const timestamp = String(request?.headers['deploy-timestamp']);
      expect(Number(timestamp)).toBe(Math.floor(Date.parse(TIME) / 1000));
      const expected = createHmac('sha256', secret).update(`${timestamp}.${request?.body}`).digest('hex');
      expect(request?.headers['deploy-signature']).toBe(`sha256=${expected}`);
      expect(request?.path).toBe('/hook?team=a');
      await server.close();
    }
  });

  it('signs for one host: what another receiver with the same secret was sent does not verify', async () => {
    const { receiver: hook, peer: server } = await receiver(() => ({ status: 200 }), '', {
      WEBHOOK_SECRET: 'common',
    });
    await hook.send(messageOf(), NEVER);
    const [request] = server.requests;
    const { headers, body } = request ?? expect.fail('nothing was sent');
    const { host } = new URL(server.url);
    const signed = (name: string) =>
      createHmac('sha256', 'common').update(`${headers['deploy-timestamp']}.${name}.${body}`).digest('hex');
    expect(headers['deploy-host']).toBe(host);
    expect(headers['deploy-host-signature']).toBe(`sha256=${signed(host)}`);
    expect(headers['deploy-host-signature']).not.toBe(`sha256=${signed('other.example')}`);
  });

  it('sends nothing without the secret that it should sign with', async () => {
    const { receiver: hook, peer: server } = await receiver(
      () => ({ status: 200 }),
      '&secret-env=WEBHOOK_SECRET_A',
    );
    expect(await kindOfRejection(hook.send(messageOf(), NEVER))).toBe('denied');
    expect(server.requests).toEqual([]);
  });

  it.each([
    [500, 'connect'],
    [503, 'connect'],
    [429, 'connect'],
    [401, 'denied'],
    [404, 'invalid'],
    [410, 'invalid'],
    [302, 'invalid'],
  ])('%i is %s', async (status, kind) => {
    const headers = status === 302 ? { Location: 'http://127.0.0.1:1/' } : {};
    const { receiver: hook } = await receiver(() => ({ status, headers }));
    expect(await kindOfRejection(hook.send(messageOf(), NEVER))).toBe(kind);
  });

  it('passes on for how long it is to be left alone', async () => {
    const { receiver: hook } = await receiver(() => ({ status: 503, headers: { 'Retry-After': '7' } }));
    const error = await hook.send(messageOf(), NEVER).catch((thrown: unknown) => thrown);
    expect(isDeployError(error) ? error.retryAfterMs : undefined).toBe(7000);
  });

  it('nobody there: connect; one that never answers: until its signal', async () => {
    const { receiver: hook, peer: server } = await receiver(() => undefined);
    const late = new AbortController();
    const sending = kindOfRejection(hook.send(messageOf(), late.signal));
    await server.received(1);
    late.abort();
    expect(await sending).toBe('cancelled');
    await server.close();
    expect(await kindOfRejection(hook.send(messageOf(), NEVER))).toBe('connect');
  });

  it('reads no more than the beginning of an answer', async () => {
    const { receiver: hook } = await receiver(() => ({ status: 200, body: 'x'.repeat(5_000_000) }));
    await hook.send(messageOf(), NEVER);
  });
});
