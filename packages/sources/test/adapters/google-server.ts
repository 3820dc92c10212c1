import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Scope } from '../../../../test/support/scope.js';

/**
 * Google's JSON API for objects, as documented: lists by prefix in pages, media with ranges and generations, uploads.
 * cloud.google.com/storage/docs/json_api/v1/objects
 */
export interface GoogleServer {
  /** For STORAGE_EMULATOR_HOST. */
  readonly host: string;
  readonly objects: Map<string, Buffer>;
  /** Of each request: its method and path with query. */
  readonly requests: string[];
}

/** @param pageSize objects in a page, whatever is asked for. */
export async function startGoogle(scope: Scope, bucket: string, pageSize = 1000): Promise<GoogleServer> {
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer({ bucket, objects, pageSize }, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  scope.defer(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, objects, requests };
}

interface Place {
  readonly bucket: string;
  readonly objects: Map<string, Buffer>;
  readonly pageSize: number;
}

async function answer(place: Place, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://host');
  const list = `/storage/v1/b/${place.bucket}/o`;
  if (request.method === 'POST' && pathname === `/upload${list}`) {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    place.objects.set(searchParams.get('name') ?? '', Buffer.concat(pieces));
    sendJson(response, { kind: 'storage#object' });
  } else if (pathname === list) sendJson(response, page(place, searchParams));
  else {
    const key = pathname.startsWith(`${list}/`) ? decodeURIComponent(pathname.slice(list.length + 1)) : '';
    media(place.objects.get(key), request, response);
  }
}

function page({ objects, pageSize }: Place, query: URLSearchParams): object {
  const names = [...objects.keys()].filter((name) => name.startsWith(query.get('prefix') ?? '')).sort();
  const first = Number(query.get('pageToken') ?? 0);
  const items = names.slice(first, first + pageSize).map((name) => ({
    ...{ name, updated: '2026-01-02T03:04:05.678Z' },
    size: String(objects.get(name)?.length ?? 0),
  }));
  const next = first + pageSize < names.length ? { nextPageToken: String(first + pageSize) } : {};
  return { ...(items.length === 0 ? {} : { items }), ...next };
}

function media(content: Buffer | undefined, request: IncomingMessage, response: ServerResponse): void {
  const first = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  if (content === undefined) response.writeHead(404).end('Not Found');
  else if (first === undefined) {
    response.writeHead(200, { 'x-goog-generation': '1', 'content-length': content.length }).end(content);
  } else {
    const range = `bytes ${first}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { 'x-goog-generation': '1', 'content-range': range });
    response.end(content.subarray(Number(first)));
  }
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
