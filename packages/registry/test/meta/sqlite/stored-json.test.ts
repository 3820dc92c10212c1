import { decodeMessage } from '@deploy-tools/registry/core/notices/notifier.js';
import { decodeRolloutState } from '@deploy-tools/registry/core/notices/rollout-state.js';
import { decodeColumn, decodeStrings, STORED } from '@deploy-tools/registry/meta/sqlite/stored-json.js';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../../../../shared/test/support/kind-of.js';

const AUTHOR = { fingerprint: 'SHA256:x', comment: 'ops@example', user: 'ops', address: '192.0.2.1' };

describe('what an earlier version wrote', () => {
  test('loads without the fields that came later', () => {
    expect(
      decodeColumn('{"config":"p","state":"pending"}', STORED.report, 'the report of host web1'),
    ).toEqual({
      config: 'p',
      state: 'pending',
    });
    expect(decodeColumn('{}', STORED.progress, 'the progress of the track of code')).toEqual({
      added: undefined,
      bumped: undefined,
      error: undefined,
      waiting: [],
    });
    expect(
      decodeColumn(
        '{"fingerprint":"SHA256:x","comment":"ops"}',
        STORED.author,
        'the author of the track of code',
      ),
    ).toEqual({
      fingerprint: 'SHA256:x',
      comment: 'ops',
      user: '',
      address: '',
    });
    expect(decodeRolloutState('{"revision":3,"told":"failed"}')).toEqual({
      revision: 3,
      notified: 'failed',
      rounds: 0,
      done: 0,
      hosts: 0,
      settled: false,
      notifiedAt: '',
    });
  });

  test('loads as a message to a receiver without lists and texts', () => {
    const time = '2026-01-01T00:00:00.000Z';
    const notice = { event: 'deploy-failed', time, configuration: 'p', revision: 3, hosts: 2, done: 1 };
    const text = JSON.stringify({ id: 'a', notice, title: 'p failed', thread: 'p 3' });
    expect(decodeMessage(text)).toEqual({
      id: 'a',
      notice: { ...notice, named: [] },
      title: 'p failed',
      body: '',
      thread: 'p 3',
    });
  });
});

describe('what a later version wrote', () => {
  test('loads without the fields that this version does not know', () => {
    const report = decodeColumn(
      '{"config":"p","state":"healthy","moon":"full"}',
      STORED.report,
      'the report of host web1',
    );
    expect(report).toEqual({ config: 'p', state: 'healthy' });
  });
});

test('a report, a track and a message are read as they were written', () => {
  const report = {
    config: 'p',
    state: 'rolled-back' as const,
    reason: 'deploy',
    revision: 3,
    hash: 'a'.repeat(64),
    attempt: 2,
    deploy: 'd1',
    running: { hash: 'b'.repeat(64) },
    lastGood: { revision: 2, hash: 'b'.repeat(64) },
    since: '2026-01-01T00:00:00.000Z',
    progress: { done: 1, total: 2 },
    error: { kind: 'script', message: 'exit status 1' },
    timings: { fetch: 10 },
    bytes: { fetched: 1, reused: 2 },
    pause: { by: 'ops', since: '2026-01-01T00:00:00.000Z', reason: 'disk' },
    notBefore: '2026-01-01T00:01:00.000Z',
  };
  expect(decodeColumn(JSON.stringify(report), STORED.outcome, 'a deploy of host web1')).toEqual(report);
  const added = { tag: 'v1', time: report.since, layers: [{ component: 'code', version: 'v1' }] };
  const progress = { added, bumped: 'v1', error: { message: 'x', since: report.since }, waiting: ['y'] };
  expect(
    decodeColumn(JSON.stringify(progress), STORED.progress, 'the progress of the track of code'),
  ).toEqual(progress);
  expect(decodeColumn(JSON.stringify(AUTHOR), STORED.author, 'the author of the track of code')).toEqual(
    AUTHOR,
  );
  const message = {
    id: 'a',
    notice: { event: 'test', time: report.since, author: 'ops' },
    title: 'test',
    body: 'a\nb',
    thread: 'test',
  } as const;
  expect(decodeMessage(JSON.stringify(message))).toEqual(message);
});

test.each([
  [
    'no JSON',
    () => decodeStrings('[', 'the log of a deploy'),
    'the log of a deploy in registry.db is not valid JSON',
  ],
  [
    'a wrong type',
    () => decodeStrings('[1]', 'the log of a deploy'),
    '[0] of the log of a deploy in registry.db is malformed',
  ],
  [
    'a missing field',
    () => decodeColumn('{"config":"p"}', STORED.report, 'the report of host web1'),
    'state of the report of host web1 in registry.db is missing',
  ],
  [
    'labels that are no texts',
    () => decodeColumn('{"a":1}', STORED.labels, 'the labels of host web1'),
    'a of the labels of host web1 in registry.db is malformed',
  ],
  ['an unknown event', () => decodeMessage('{"id":"a","notice":{"event":"x"}}'), undefined],
])('%s is corrupt, and the error names the field', (_what, decode, message) => {
  expect(kindOf(decode)).toBe('corrupt');
  if (message !== undefined) expect(decode).toThrow(message);
});
