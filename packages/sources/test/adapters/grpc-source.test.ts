import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CurrentRequest,
  type CurrentResponse,
  dewyService,
  type ReportRequest,
} from '@deploy-tools/sources/adapters/dewy-service.js';
import { openSource } from '@deploy-tools/sources/open-source.js';
import type { Source } from '@deploy-tools/sources/source.js';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { type Scope, testScope } from '../../../../test/support/scope.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { readAll, type SourceSite, sourceContract } from '../contract/source-contract.js';
import { serveBytes } from '../objects/open-objects.js';

const SIGNAL = new AbortController().signal;
const NOTHING: CurrentResponse = { id: '', tag: '', artifact_url: '' };

interface Site extends SourceSite {
  readonly asked: CurrentRequest[];
  readonly reported: ReportRequest[];
  answer: CurrentResponse | Error;
}

/** A real gRPC server of dewy's service, and an HTTP server for what it names. */
async function openSite(scope: Scope, options = ''): Promise<Site> {
  const files = new Map<string, Buffer>();
  const http = createServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://host').pathname;
    const content = files.get(path);
    if (content === undefined) response.writeHead(404).end();
    else serveBytes(content, `"${path}"`)(request, response);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    http.closeAllConnections();
    http.close();
  });
  const site: Omit<Site, 'source'> = {
    asked: [],
    reported: [],
    answer: NOTHING,
    publish: async (tag, contents) => {
      const [[name, bytes] = ['', new Uint8Array()]] = Object.entries(contents);
      files.set(`/${tag}/${name}`, Buffer.from(bytes));
      const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
      site.answer = { id: `id of ${tag}`, tag, artifact_url: `${base}/${tag}/${name}?signed=${files.size}` };
    },
    remove: async () => {
      site.answer = NOTHING;
    },
    cleanUp: async () => {},
  };
  const port = await startService(scope, site);
  const log = pino({ level: 'silent' });
  const url = `grpc://127.0.0.1:${port}?no-tls=true&os=linux&arch=amd64${options}`;
  const source: Source = await openSource(url, { environment: {}, log, timeoutMs: 20_000 });
  return Object.assign(site, { source });
}

async function startService(scope: Scope, site: Omit<Site, 'source'>): Promise<number> {
  const server = new Server();
  server.addService(dewyService(), {
    Current: (
      call: ServerUnaryCall<CurrentRequest, CurrentResponse>,
      done: sendUnaryData<CurrentResponse>,
    ) => {
      site.asked.push(call.request);
      if (site.answer instanceof Error) done(site.answer);
      else done(null, site.answer);
    },
    Report: (call: ServerUnaryCall<ReportRequest, object>, done: sendUnaryData<object>) => {
      site.reported.push(call.request);
      done(null, {});
    },
  });
  scope.defer(() => server.forceShutdown());
  return await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

sourceContract('grpc', () => openSite(testScope()), { oneRelease: true });

test('the service is told what is wanted, and what came of it', async () => {
  const site = await openSite(testScope(), '&artifact=app.tar.gz');
  await site.publish('v1', { 'app.tar.gz': Buffer.from('a') });
  await site.source.list(undefined, SIGNAL);
  expect(site.asked).toMatchObject([{ arch: 'amd64', os: 'linux', arifact_name: 'app.tar.gz' }]);
  const shipped = { tag: 'v1', command: 'server', host: 'web1', time: '2026-07-03T10:20:30Z' } as const;
  await site.source.report?.({ ...shipped, error: undefined }, SIGNAL);
  await site.source.report?.({ ...shipped, error: 'it failed' }, SIGNAL);
  expect(site.reported).toMatchObject([
    { id: 'id of v1', tag: 'v1' },
    { id: 'id of v1', tag: 'v1', err: 'it failed' },
  ]);
});

test('a URL that is signed anew each time is the same artifact', async () => {
  const site = await openSite(testScope());
  await site.publish('v1', { a: Buffer.from('a') });
  const known = await site.source.list(undefined, SIGNAL);
  const { answer } = site;
  if (!(answer instanceof Error)) site.answer = { ...answer, artifact_url: `${answer.artifact_url}&again=1` };
  expect(await site.source.list(known, SIGNAL)).toBe(known);
});

test('a service that names no release has none', async () => {
  const { source } = await openSite(testScope());
  expect((await source.list(undefined, SIGNAL)).releases).toEqual([]);
});

test.each(['file:///etc/passwd', '/etc/passwd', 'ftp://host/file', ''])(
  'an artifact at %j is not fetched',
  async (url) => {
    const site = await openSite(testScope());
    site.answer = { id: '1', tag: 'v1', artifact_url: url };
    expect(await kindOfRejection(site.source.list(undefined, SIGNAL))).toBe('unsupported');
    const artifact = { name: 'x', id: url, size: undefined, digest: undefined };
    const opening = site.source.open(artifact, { offset: 0 }, SIGNAL).then(({ body }) => readAll(body));
    expect(await kindOfRejection(opening)).toBe('not-found');
  },
);

test.each([
  'gs://bucket/app.tgz?endpoint=http://127.0.0.1:1',
  's3://bucket/app.tgz?endpoint=http://127.0.0.1:1',
  's3://bucket/app.tgz?region=evil.example',
])('credentials are not sent where an answer says: %s', async (url) => {
  const site = await openSite(testScope());
  site.answer = { id: '1', tag: 'v1', artifact_url: url };
  await expect(site.source.list(undefined, SIGNAL)).rejects.toMatchObject({
    kind: 'denied',
    message: expect.stringContaining('/app.tgz with the option "'),
  });
  const artifact = { name: 'x', id: url, size: undefined, digest: undefined };
  const opening = (async () => site.source.open(artifact, { offset: 0 }, SIGNAL))();
  expect(await kindOfRejection(opening)).toBe('denied');
});

test.each([
  [status.NOT_FOUND, 'not-found'],
  [status.PERMISSION_DENIED, 'denied'],
  [status.UNAVAILABLE, 'connect'],
  [status.INTERNAL, 'connect'],
] as const)('what the service refuses with %i is %s', async (code, kind) => {
  const site = await openSite(testScope());
  site.answer = Object.assign(new Error('because'), { code, details: 'because' });
  const listing = site.source.list(undefined, SIGNAL);
  await expect(listing).rejects.toThrow('because');
  expect(await kindOfRejection(listing)).toBe(kind);
});
