import { openReceiver } from '@deploy-tools/notices/open-receiver.js';
import type { Receiver, ThreadMemory } from '@deploy-tools/notices/receiver.js';
import { recentThreads } from '@deploy-tools/notices/recent-threads.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { type HttpPeer, type HttpReply, startHttpPeer } from '../support/http-peer.js';
import { deployOf, failedOf, messageOf, TIME } from '../support/samples.js';

const NEVER = new AbortController().signal;
const TOKEN = 'xoxb-test';
let peer: HttpPeer;
let threads: ThreadMemory;
/** Takes the place of Slack's answer. */
let instead: ((method: string) => HttpReply | undefined) | undefined;

beforeEach(async () => {
  instead = undefined;
  threads = recentThreads();
  peer = await startHttpPeer(({ path, headers, body }, index) =>
    slack(path, headers.authorization, body, index),
  );
});
afterEach(() => peer.close());

/** As https://api.slack.com/methods/chat.postMessage says. */
function slack(path: string, authorization: string | undefined, body: string, index: number): HttpReply {
  const method = path.replace('/api/', '');
  const special = instead?.(method);
  if (special !== undefined) return special;
  if (authorization !== `Bearer ${TOKEN}`) return answer({ ok: false, error: 'invalid_auth' });
  const { channel, ts } = JSON.parse(body) as { channel: string; ts?: string };
  if (method === 'chat.update') {
    return answer(channel === 'C01' ? { ok: true, channel, ts } : { ok: false, error: 'channel_not_found' });
  }
  return answer(
    channel === 'deploys'
      ? { ok: true, channel: 'C01', ts: `${index}.1` }
      : { ok: false, error: 'channel_not_found' },
  );
}

function answer(body: object): HttpReply {
  return { status: 200, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

function open(
  url = 'slack://deploys',
  environment: Record<string, string> = { SLACK_TOKEN: TOKEN },
): Receiver {
  const clock = () => new Date(TIME);
  const tools = { environment: { SLACK_API_URL: `${peer.url}/api`, ...environment }, clock, threads };
  return openReceiver(url, { ...tools, programs: 'none' });
}

/** What Slack was asked, without what is the same in all. */
function asked(): Record<string, unknown>[] {
  return peer.requests.map(({ path, body }) => {
    const { channel, text, ts, thread_ts, reply_broadcast } = JSON.parse(body) as Record<string, unknown>;
    const fields = { channel, text, ts, thread_ts, reply_broadcast };
    const method = path.replace('/api/chat.', '');
    return {
      method,
      ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    };
  });
}

const started = (done: number, edition?: 'progress') =>
  messageOf(deployOf('deploy-started', { done, ...(edition === undefined ? {} : { edition }) }));

describe('slack', () => {
  it('one message for a rollout that succeeds: posted, then shown with newer numbers', async () => {
    const receiver = open();
    await receiver.send(started(0), NEVER);
    await receiver.send(started(2, 'progress'), NEVER);
    await receiver.send(messageOf(deployOf('deploy-succeeded', { done: 3 })), NEVER);
    expect(asked()).toEqual([
      { method: 'postMessage', channel: 'deploys', text: 'project1 revision 7: deploying to 3 hosts' },
      {
        method: 'update',
        channel: 'C01',
        ts: '0.1',
        text: 'project1 revision 7: deploying, runs on 2 of 3 hosts',
      },
      { method: 'update', channel: 'C01', ts: '0.1', text: 'project1 revision 7: deployed on all 3 hosts' },
    ]);
  });

  it('a failure answers in the thread and is shown in the channel; so is recovery', async () => {
    const receiver = open();
    await receiver.send(started(0), NEVER);
    await receiver.send(messageOf(failedOf('x')), NEVER);
    await receiver.send(messageOf(failedOf('x', { done: 2, edition: 'final' })), NEVER);
    const recovered = { failures: 1, since: TIME, ms: 60_000 };
    await receiver.send(messageOf(deployOf('deploy-succeeded', { done: 3, recovered })), NEVER);
    const thread = { thread_ts: '0.1', reply_broadcast: true };
    expect(asked().slice(1)).toEqual([
      {
        method: 'postMessage',
        channel: 'deploys',
        text: 'project1 revision 7: failed on 1 of 3 hosts',
        ...thread,
      },
      { method: 'update', channel: 'C01', ts: '1.1', text: 'project1 revision 7: failed on 2 of 3 hosts' },
      {
        method: 'postMessage',
        channel: 'deploys',
        text: 'project1 revision 7: deployed on all 3 hosts, recovered 1m0s after a failure',
        ...thread,
      },
    ]);
  });

  it('thread=true keeps the channel to the first message', async () => {
    const receiver = open('slack://deploys?thread=true');
    await receiver.send(started(0), NEVER);
    await receiver.send(messageOf(failedOf('x')), NEVER);
    expect(asked()[1]).toMatchObject({ thread_ts: '0.1', reply_broadcast: false });
  });

  it('another receiver with the same memory, as after a restart, goes on in the thread', async () => {
    await open().send(started(0), NEVER);
    await open().send(started(1, 'progress'), NEVER);
    await open().send(messageOf(failedOf('x')), NEVER);
    expect(asked().slice(1)).toMatchObject([{ method: 'update', ts: '0.1' }, { thread_ts: '0.1' }]);
  });

  it('a message that somebody deleted is posted again', async () => {
    const receiver = open();
    await receiver.send(started(0), NEVER);
    instead = (method) =>
      method === 'chat.update' ? answer({ ok: false, error: 'message_not_found' }) : undefined;
    await receiver.send(started(1, 'progress'), NEVER);
    expect(asked().map(({ method }) => method)).toEqual(['postMessage', 'update', 'postMessage']);
  });

  it('title and url are below the message, and nothing is taken for markup', async () => {
    await open('slack://deploys?title=a%26b&url=https://example.com/').send(
      messageOf(failedOf('<!channel> & co')),
      NEVER,
    );
    const { attachments } = JSON.parse(peer.requests[0]?.body ?? '');
    expect(attachments).toMatchObject([
      {
        color: '#e01e5a',
        text: 'script: &lt;!channel&gt; &amp; co\nweb1: script: &lt;!channel&gt; &amp; co',
        footer: '<https://example.com/|a&amp;b>',
      },
    ]);
  });

  it('429 says when to come again', async () => {
    instead = () => ({
      status: 429,
      headers: { 'Retry-After': '30' },
      body: '{"ok":false,"error":"ratelimited"}',
    });
    const error = await open()
      .send(started(0), NEVER)
      .catch((thrown: unknown) => thrown);
    expect(isDeployError(error, 'connect') ? error.retryAfterMs : error).toBe(30_000);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['no token', () => open('slack://deploys', {}).send(started(0), NEVER), 'denied'],
    ['a wrong token', () => open('slack://deploys', { SLACK_TOKEN: 'x' }).send(started(0), NEVER), 'denied'],
    ['a channel that is not there', () => open('slack://other').send(started(0), NEVER), 'denied'],
  ])('%s', async (_, send, kind) => {
    expect(await kindOfRejection(send())).toBe(kind);
  });

  it.each([
    [{ status: 500, body: 'oops' }, 'connect'],
    [{ status: 200, body: '<html>' }, 'connect'],
    [{ status: 200, body: '[]' }, 'connect'],
    [{ status: 200, body: '{"ok":false,"error":"msg_too_long"}' }, 'invalid'],
    [{ status: 200, body: '{"ok":false,"error":"internal_error"}' }, 'connect'],
  ])('%o is %s', async (reply, kind) => {
    instead = () => reply;
    expect(await kindOfRejection(open().send(started(0), NEVER))).toBe(kind);
  });

  it('without a channel and time in the answer there is no thread, and no error', async () => {
    instead = () => answer({ ok: true });
    await open().send(started(0), NEVER);
    await open().send(started(1, 'progress'), NEVER);
    expect(asked().map(({ method }) => method)).toEqual(['postMessage', 'postMessage']);
  });
});
