import { randomBytes } from 'node:crypto';
import { urlOpener } from '@deploy-tools/sources/objects/open-url.js';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { describeWithPython } from '../../../../test/support/requires.js';
import { type S3Server, SWIFT, startS3Server } from '../../../../test/support/s3-server.js';
import { fileScope, testScope } from '../../../../test/support/scope.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { bytesOf, httpServer, openAt, opener } from './open-objects.js';

const CONTENT = randomBytes(3_000_000);

/** The SDK finds credentials in the environment of the process. */
function useCredentials(id = 'test:tester', secret = 'testing'): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', id);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
}

describeWithPython(...SWIFT, 'an object of a real S3 server', () => {
  const scope = fileScope();
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3Server(scope);
    await server.put('releases', 'app/a b+c.tar.gz', CONTENT);
    useCredentials();
    scope.defer(() => void vi.unstubAllEnvs());
  });

  const url = 's3://releases/app/a%20b+c.tar.gz';

  it('is read whole and continued, at the endpoint of the environment or of the URL', async () => {
    const opened = await openAt(opener(server.environment), url);
    expect(opened).toMatchObject({ size: CONTENT.length, offset: 0 });
    expect((await bytesOf(opened)).equals(CONTENT)).toBe(true);
    const { validator } = opened;
    const there = `${url}?endpoint=${encodeURIComponent(server.endpoint)}`;
    const rest = await openAt(opener(), there, { offset: 1_000_000, validator });
    expect(rest).toMatchObject({ size: CONTENT.length, offset: 1_000_000, validator });
    expect((await bytesOf(rest)).equals(CONTENT.subarray(1_000_000))).toBe(true);
  });

  it('is read anew when it has changed, or is shorter than was thought', async () => {
    const open = opener(server.environment);
    for (const from of [{ offset: 10, validator: '"other"' }, { offset: CONTENT.length + 1 }]) {
      const anew = await openAt(open, url, from);
      expect([anew.offset, anew.size]).toEqual([0, CONTENT.length]);
      await anew.body[Symbol.asyncIterator]().return?.();
    }
  });

  it('has to be there, and to be ours to read', async () => {
    const open = opener(server.environment);
    await expect(openAt(open, 's3://releases/none')).rejects.toMatchObject({
      kind: 'not-found',
      message: 's3://releases/none answered 404 NoSuchKey',
    });
    expect(await kindOfRejection(openAt(open, 's3://nowhere/none'))).toBe('not-found');
    useCredentials('test:tester', 'wrong');
    await expect(openAt(opener(server.environment), url)).rejects.toMatchObject({ kind: 'denied' });
    useCredentials();
  });
});

describe('an S3 server that is in trouble', () => {
  it('is told of as it is', async () => {
    const scope = testScope();
    useCredentials();
    scope.defer(() => void vi.unstubAllEnvs());
    const endpoint = await httpServer(scope, (request, response) => {
      if (request.url?.startsWith('/slow') === true) return;
      if (request.url?.startsWith('/cut') === true) {
        response.writeHead(200, { 'content-length': 100 });
        response.write('the beginning', () => response.destroy());
      } else response.writeHead(503, { 'retry-after': '3' }).end('<Error><Code>SlowDown</Code></Error>');
    });
    const open = urlOpener({ environment: { AWS_ENDPOINT_URL: endpoint }, headerTimeoutMs: 15_000 });
    await expect(openAt(open, 's3://busy/key')).rejects.toMatchObject({
      kind: 'connect',
      message: 's3://busy/key answered 503 SlowDown',
      retryAfterMs: 3000,
    });
    await expect(bytesOf(await openAt(open, 's3://cut/key'))).rejects.toMatchObject({ kind: 'connect' });
    const impatient = urlOpener({ environment: { AWS_ENDPOINT_URL: endpoint }, headerTimeoutMs: 200 });
    await expect(openAt(impatient, 's3://slow/key')).rejects.toMatchObject({
      kind: 'connect',
      message: 's3://slow/key did not answer within 200ms',
    });
    const stop = new AbortController();
    stop.abort();
    expect(await kindOfRejection(open('s3://slow/key', { offset: 0 }, stop.signal))).toBe('cancelled');
    const nobody = urlOpener({ environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1' } });
    expect(await kindOfRejection(openAt(nobody, 's3://none/key'))).toBe('connect');
  });
});
