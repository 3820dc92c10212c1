import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { bytesOf, httpServer, openAt, opener, rangeOf } from './open-objects.js';

const CONTENT = randomBytes(200_000);
const PATH = '/storage/v1/b/releases/o/app%2Fv1%2Fa%20b.tar.gz';

/** Google's JSON API, as far as it is documented for media: cloud.google.com/storage/docs/json_api/v1/objects/get */
function jsonApi(seen: IncomingMessage[]): RequestListener {
  return (request, response) => {
    seen.push(request);
    const url = new URL(request.url ?? '', 'http://host');
    if (url.pathname !== PATH || url.searchParams.get('alt') !== 'media') {
      response.writeHead(404).end('Not Found');
      return;
    }
    const headers = { 'x-goog-generation': '17' };
    const wanted = url.searchParams.get('ifGenerationMatch');
    const first = rangeOf(request);
    if (wanted !== null && wanted !== '17') response.writeHead(412).end('Precondition Failed');
    else if (first === undefined)
      response.writeHead(200, { ...headers, 'content-length': CONTENT.length }).end(CONTENT);
    else {
      const range = `bytes ${first}-${CONTENT.length - 1}/${CONTENT.length}`;
      response.writeHead(206, { ...headers, 'content-range': range }).end(CONTENT.subarray(first));
    }
  };
}

const URL_OF_IT = 'gs://releases/app/v1/a%20b.tar.gz';

describe('an object of Google Cloud Storage', () => {
  it('is read from the emulator without credentials, and continued', async () => {
    const seen: IncomingMessage[] = [];
    const server = await httpServer(testScope(), jsonApi(seen));
    const open = opener({ STORAGE_EMULATOR_HOST: server.replace('http://', '') });
    const opened = await openAt(open, URL_OF_IT);
    expect(opened).toMatchObject({ size: CONTENT.length, validator: '17', offset: 0 });
    expect((await bytesOf(opened)).equals(CONTENT)).toBe(true);
    const rest = await openAt(open, URL_OF_IT, { offset: 150_000, validator: '17' });
    expect(rest).toMatchObject({ size: CONTENT.length, offset: 150_000 });
    expect((await bytesOf(rest)).equals(CONTENT.subarray(150_000))).toBe(true);
    const anew = await openAt(open, URL_OF_IT, { offset: 150_000, validator: '16' });
    expect([anew.offset, (await bytesOf(anew)).equals(CONTENT)]).toEqual([0, true]);
    expect(await kindOfRejection(openAt(open, 'gs://releases/none'))).toBe('not-found');
    expect(seen.some(({ headers }) => headers.authorization !== undefined)).toBe(false);
  });

  it('is read with the application default credentials', async () => {
    const scope = testScope();
    const seen: IncomingMessage[] = [];
    const server = await httpServer(scope, (request, response) => {
      if (request.method !== 'POST') return jsonApi(seen)(request, response);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          access_token: 'a-token',
          expires_in: 3600,
          token_type: 'Bearer',
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        }),
      );
    });
    useFederatedIdentity(tempDir(scope), `${server}/token`);
    scope.defer(() => void vi.unstubAllEnvs());
    const open = opener({ CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: server });
    const opened = await openAt(open, URL_OF_IT);
    expect((await bytesOf(opened)).equals(CONTENT)).toBe(true);
    for (const endpoint of [server, 'http://storage.googleapis.com', 'https://googleapis.com.example'])
      expect(await kindOfRejection(openAt(open, `${URL_OF_IT}?endpoint=${endpoint}`))).toBe('denied');
    expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer a-token']);
  });

  it('is denied when the credentials are a file that is not there', async () => {
    const scope = testScope();
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(tempDir(scope), 'none.json'));
    scope.defer(() => void vi.unstubAllEnvs());
    await expect(openAt(opener(), URL_OF_IT)).rejects.toMatchObject({
      kind: 'denied',
      hint: expect.stringContaining('GOOGLE_APPLICATION_CREDENTIALS'),
    });
  });
});

/** Workload identity: a token of somebody else's is exchanged at the address that the file names. */
function useFederatedIdentity(dir: string, tokenUrl: string): void {
  writeFileSync(join(dir, 'token'), 'a token of somebody else');
  const account = {
    type: 'external_account',
    audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: tokenUrl,
    credential_source: { file: join(dir, 'token') },
  };
  writeFileSync(join(dir, 'credentials.json'), JSON.stringify(account));
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', join(dir, 'credentials.json'));
}
