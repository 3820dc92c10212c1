import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { urlOpener } from '@deploy-tools/sources/objects/open-url.js';
import type { OpenedObject, OpenFrom, OpenUrl } from '@deploy-tools/sources/opened-object.js';
import type { Scope } from '../../../../test/support/scope.js';

/** An HTTP server of the test's own; ended with its connections at the end of the scope. @returns `http://127.0.0.1:PORT`. */
export function httpServer(scope: Scope, listener: RequestListener): Promise<string> {
  return listening(scope, createServer(listener), 'http');
}

/** Has a server listen, until the end of the scope. @returns `SCHEME://127.0.0.1:PORT`. */
export async function listening(scope: Scope, server: Server, scheme: 'http' | 'https'): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Serves these bytes as RFC 9110 says: whole, or from an offset when If-Range fits. */
export function serveBytes(content: Buffer, etag: string): RequestListener {
  return (request, response) => {
    const first = rangeOf(request);
    const fits = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
    if (first === undefined || !fits) {
      response.writeHead(200, { etag, 'content-length': content.length }).end(content);
    } else if (first >= content.length) {
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    } else {
      const range = `bytes ${first}-${content.length - 1}/${content.length}`;
      response.writeHead(206, { etag, 'content-range': range }).end(content.subarray(first));
    }
  };
}

export function rangeOf(request: IncomingMessage): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  return match === null ? undefined : Number(match[1]);
}

/** Opens URLs with short patience. */
export function opener(environment: Readonly<Record<string, string>> = {}): OpenUrl {
  return urlOpener({ environment, headerTimeoutMs: 20_000, idleTimeoutMs: 20_000 });
}

/** Opens at an offset, from the beginning unless told. */
export function openAt(open: OpenUrl, url: string, from: OpenFrom = { offset: 0 }): Promise<OpenedObject> {
  return open(url, from, new AbortController().signal);
}

export async function bytesOf({ body }: OpenedObject): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return Buffer.concat(pieces);
}
