import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer as createTlsServer, globalAgent } from 'node:https';
import { join } from 'node:path';
import { urlOpener } from '@deploy-tools/sources/objects/open-url.js';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../../test/support/requires.js';
import { testScope } from '../../../../test/support/scope.js';
import { tempDir } from '../../../../test/support/temp-dir.js';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { bytesOf, httpServer, listening, openAt, opener, serveBytes } from './open-objects.js';

const CONTENT = randomBytes(300_000);
const open = opener();

describe('an object over HTTP', () => {
  it('is read whole, with its size and validator', async () => {
    const url = await httpServer(testScope(), serveBytes(CONTENT, '"one"'));
    const opened = await openAt(open, `${url}/a.tar.gz`);
    expect(opened).toMatchObject({ size: CONTENT.length, validator: '"one"', offset: 0 });
    expect((await bytesOf(opened)).equals(CONTENT)).toBe(true);
  });

  it('is continued while it is the same, and read anew when it has changed or has become shorter', async () => {
    const url = await httpServer(testScope(), serveBytes(CONTENT, '"one"'));
    const rest = await openAt(open, url, { offset: 100_000, validator: '"one"' });
    expect(rest).toMatchObject({ size: CONTENT.length, offset: 100_000 });
    expect((await bytesOf(rest)).equals(CONTENT.subarray(100_000))).toBe(true);
    for (const from of [
      { offset: 100_000, validator: '"other"' },
      { offset: 400_000, validator: '"one"' },
    ]) {
      const anew = await openAt(open, url, from);
      expect(anew.offset).toBe(0);
      expect((await bytesOf(anew)).equals(CONTENT)).toBe(true);
    }
  });

  it('is read anew from a server that gives the part of another content', async () => {
    const url = await httpServer(testScope(), (request, response) => {
      delete request.headers['if-range'];
      serveBytes(CONTENT, '"two"')(request, response);
    });
    const opened = await openAt(open, url, { offset: 1000, validator: '"one"' });
    expect(opened).toMatchObject({ offset: 0, validator: '"two"' });
    expect((await bytesOf(opened)).equals(CONTENT)).toBe(true);
  });

  it('comes as it is stored, though the server calls that an encoding', async () => {
    const url = await httpServer(testScope(), (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(CONTENT);
    });
    expect((await bytesOf(await openAt(open, url))).equals(CONTENT)).toBe(true);
  });

  it('has the time of its change for a validator when its tag is weak', async () => {
    const changed = 'Thu, 26 Nov 2026 10:00:00 GMT';
    const url = await httpServer(testScope(), (_, response) => {
      response.writeHead(200, { etag: 'W/"x"', 'last-modified': changed }).end('x');
    });
    const opened = await openAt(open, url);
    expect(opened.validator).toBe(changed);
    await bytesOf(opened);
  });
});

describe('what goes wrong over HTTP', () => {
  it.each([
    [404, 'not-found'],
    [410, 'not-found'],
    [401, 'denied'],
    [403, 'denied'],
    [400, 'invalid'],
    [429, 'connect'],
    [500, 'connect'],
    [503, 'connect'],
  ] as const)('status %d is %s', async (status, kind) => {
    const url = await httpServer(testScope(), (_, response) => {
      response.writeHead(status, { 'retry-after': '7' }).end('no');
    });
    const failed = openAt(open, `${url}/a?signature=secret`);
    await expect(failed).rejects.toMatchObject({
      kind,
      retryAfterMs: kind === 'connect' ? 7000 : undefined,
      message: expect.stringMatching(new RegExp(`^${url}/a answered ${status} `)),
    });
  });

  it('a connection that is cut in the middle is a lost one, however the length was told', async () => {
    const cut: RequestListener = (request, response) => {
      if (request.url === '/long') response.writeHead(200, { 'content-length': 100 });
      response.write('the beginning', () => response.destroy());
    };
    const url = await httpServer(testScope(), cut);
    for (const path of ['/long', '/chunked']) {
      const opened = await openAt(open, url + path);
      await expect(bytesOf(opened)).rejects.toMatchObject({
        kind: 'connect',
        message: expect.stringMatching(/^the connection was lost after 13 /),
      });
    }
  });

  it('an answer that does not come, or stops coming, is given up', async () => {
    const url = await httpServer(testScope(), (request, response) => {
      if (request.url === '/stalls') response.write('the beginning');
    });
    const impatient = urlOpener({ environment: {}, headerTimeoutMs: 100, idleTimeoutMs: 100 });
    await expect(openAt(impatient, `${url}/never`)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringContaining('did not answer within 100ms'),
    });
    const stalling = urlOpener({ environment: {}, idleTimeoutMs: 100 });
    await expect(bytesOf(await openAt(stalling, `${url}/stalls`))).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringContaining('sent nothing for 100ms'),
    });
  });

  it('nobody listening is no connection', async () => {
    const scope = { defer: () => {} };
    const url = await httpServer(scope, () => {});
    const { port } = new URL(url);
    expect(await kindOfRejection(openAt(open, `http://127.0.0.2:${port}/`))).toBe('connect');
  });

  it('an abort ends the wait for an answer, and the reading of one', async () => {
    const asked = new AbortController();
    const url = await httpServer(testScope(), (request, response) => {
      if (request.url === '/reads') response.write('the beginning');
      else asked.abort();
    });
    expect(await kindOfRejection(open(`${url}/waits`, { offset: 0 }, asked.signal))).toBe('cancelled');
    const reading = new AbortController();
    const opened = await open(`${url}/reads`, { offset: 0 }, reading.signal);
    const pieces = opened.body[Symbol.asyncIterator]();
    await pieces.next();
    reading.abort();
    expect(await kindOfRejection(pieces.next())).toBe('cancelled');
    expect(await kindOfRejection(open(url, { offset: 0 }, reading.signal))).toBe('cancelled');
  });

  it('a body that is left closes the connection, also one that was not begun', async () => {
    const closed: Promise<unknown>[] = [];
    const url = await httpServer(testScope(), (_, response) => {
      closed.push(once(response, 'close'));
      response.write(CONTENT);
    });
    const unread = await openAt(open, url);
    await unread.body[Symbol.asyncIterator]().return?.();
    for await (const piece of (await openAt(open, url)).body) if (piece.length > 0) break;
    await Promise.all(closed);
    expect(closed.length).toBe(2);
  });
});

describe('redirects', () => {
  it('are followed, without taking credentials to another origin', async () => {
    const scope = testScope();
    const seen: (string | undefined)[] = [];
    const target = await httpServer(scope, (request, response) => {
      seen.push(request.headers.authorization);
      response.end('found');
    });
    const first = await httpServer(scope, (request, response) => {
      seen.push(request.headers.authorization);
      const location = request.url === '/start' ? '/next' : `${target}/there`;
      response.writeHead(302, { location }).end();
    });
    const opened = await openAt(open, `${first.replace('//', '//user:pass@')}/start`);
    expect((await bytesOf(opened)).toString()).toBe('found');
    const basic = `Basic ${Buffer.from('user:pass').toString('base64')}`;
    expect(seen).toEqual([basic, basic, undefined]);
    await bytesOf(await openAt(open, target.replace('//', '//100%25:100%@')));
    expect(seen.at(-1)).toBe(`Basic ${Buffer.from('100%:100%').toString('base64')}`);
  });

  it('end after ten', async () => {
    let asked = 0;
    const url = await httpServer(testScope(), (_, response) => {
      asked += 1;
      response.writeHead(302, { location: `/${asked}` }).end();
    });
    await expect(openAt(open, url)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('redirects more than 10 times'),
    });
    expect(asked).toBe(11);
  });

  it('lead nowhere but to the web', async () => {
    const url = await httpServer(testScope(), (_, response) => {
      response.writeHead(301, { location: 'file:///etc/passwd' }).end();
    });
    expect(await kindOfRejection(openAt(open, url))).toBe('invalid');
  });
});

describeWith(['openssl'], 'over TLS', () => {
  it('nothing leads to where it is not encrypted, and certificates are looked at', async () => {
    const scope = testScope();
    const dir = tempDir(scope);
    const [key, cert] = [join(dir, 'key'), join(dir, 'cert')];
    const request = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    execFileSync(
      'openssl',
      [...request, '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert],
      {
        stdio: 'ignore',
      },
    );
    const plain = await httpServer(scope, (_, response) => void response.end('in the clear'));
    const server = createTlsServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (request, response) => {
        if (request.url === '/here') response.end('encrypted');
        else response.writeHead(302, { location: request.url === '/there' ? '/here' : `${plain}/` }).end();
      },
    );
    const url = await listening(scope, server, 'https');
    await expect(openAt(open, `${url}/here`)).rejects.toMatchObject({
      kind: 'connect',
      message: expect.stringContaining('self-signed certificate'),
    });
    const { ca } = globalAgent.options;
    globalAgent.options.ca = readFileSync(cert);
    scope.defer(() => void Object.assign(globalAgent.options, { ca }));
    expect((await bytesOf(await openAt(open, `${url}/there`))).toString()).toBe('encrypted');
    await expect(openAt(open, `${url}/out`)).rejects.toMatchObject({
      kind: 'denied',
      message: `${url}/out redirects to ${plain}/, which is not encrypted`,
    });
  });
});
