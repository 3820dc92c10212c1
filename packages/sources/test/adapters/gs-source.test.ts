import { openSource } from '@deploy-tools/sources/open-source.js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type Scope, testScope } from '../../../../test/support/scope.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { type SourceSite, sourceContract } from '../contract/source-contract.js';
import { type GoogleServer, startGoogle } from './google-server.js';

const SIGNAL = new AbortController().signal;

async function openSite(
  scope: Scope,
  pageSize?: number,
): Promise<SourceSite & { readonly google: GoogleServer }> {
  const google = await startGoogle(scope, 'releases', pageSize);
  const environment = { STORAGE_EMULATOR_HOST: google.host };
  return {
    google,
    source: await openSource('gs://releases/my%20app', { environment, log: pino({ level: 'silent' }) }),
    publish: async (tag, files) => {
      for (const [name, bytes] of Object.entries(files))
        google.objects.set(`my app/${tag}/${name}`, Buffer.from(bytes));
    },
    remove: async (tag) => {
      for (const key of google.objects.keys())
        if (key.startsWith(`my app/${tag}/`)) google.objects.delete(key);
    },
    cleanUp: async () => {},
  };
}

sourceContract('gs', () => openSite(testScope()));

test('a bucket is listed page by page', async () => {
  const { source, publish, google } = await openSite(testScope(), 3);
  const tags = Array.from({ length: 10 }, (_, at) => `v1.${at}.0`);
  for (const tag of tags) await publish(tag, { a: Buffer.from(tag) });
  const { releases } = await source.list(undefined, SIGNAL);
  expect(releases.map(({ tag }) => tag).sort()).toEqual(tags.sort());
  expect(google.requests).toHaveLength(4);
});

test('what is shipped leaves an empty object, a failure none', async () => {
  const { source, publish, google } = await openSite(testScope());
  await publish('v1.0.0', { a: Buffer.from('a') });
  const shipped = {
    tag: 'v1.0.0',
    command: 'server',
    host: 'Web1',
    time: '2026-07-03T10:20:30.123Z',
  } as const;
  await source.report?.({ ...shipped, error: 'it failed' }, SIGNAL);
  await source.report?.({ ...shipped, error: undefined }, SIGNAL);
  expect([...google.objects.keys()].slice(1)).toEqual([
    'my app/v1.0.0/shipped_to_web1_at_20260703T102030Z.txt',
  ]);
});

test('a bucket that is not there is not found, a server that is gone cannot be reached', async () => {
  const scope = testScope();
  const { google } = await openSite(scope);
  const open = (url: string, host: string) =>
    openSource(url, { environment: { STORAGE_EMULATOR_HOST: host }, log: pino({ level: 'silent' }) });
  const gone = await open('gs://nowhere', google.host);
  expect(await kindOfRejection(gone.list(undefined, SIGNAL))).toBe('not-found');
  const away = await open('gs://releases', '127.0.0.1:1');
  expect(await kindOfRejection(away.list(undefined, SIGNAL))).toBe('connect');
});
