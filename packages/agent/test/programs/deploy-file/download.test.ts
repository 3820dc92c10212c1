import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Timers } from '@deploy-tools/agent/host/timers.js';
import type { Checksum } from '@deploy-tools/agent/programs/deploy-file/deploy-file.js';
import { download } from '@deploy-tools/agent/programs/deploy-file/download.js';
import { parseChecksum } from '@deploy-tools/agent/programs/deploy-file/parse-deploy-file.js';
import { urlOpener } from '@deploy-tools/sources/objects/open-url.js';
import type { OpenUrl } from '@deploy-tools/sources/opened-object.js';
import { describe, expect, it } from 'vitest';
import { type Scope, testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { httpServer, serveBytes } from '../../../../sources/test/objects/open-objects.js';
import { instantTimers } from '../../instant-timers.js';

const CONTENT = randomBytes(500_000);
const RIGHT = parseChecksum(createHash('sha256').update(CONTENT).digest('hex'));
const FAST = { count: 0, waitMs: 3000, timeoutMs: undefined };

interface Fetched {
  readonly content: Buffer;
  readonly lines: readonly string[];
  readonly timers: Timers;
}

/** Fetches with time that passes at once. */
async function fetched(
  scope: Scope,
  url: string,
  more: {
    open?: OpenUrl;
    checksum?: Checksum;
    count?: number;
    maxBytesPerSecond?: number;
    timeoutMs?: number;
  } = {},
): Promise<Fetched> {
  const to = join(tempDir(scope), 'archive');
  const lines: string[] = [];
  const timers = instantTimers();
  const { checksum = RIGHT, count = 0, maxBytesPerSecond, timeoutMs } = more;
  const open = more.open ?? urlOpener({ environment: {} });
  const retries = { ...FAST, count, timeoutMs };
  const log = (line: string) => void lines.push(line);
  const { signal } = new AbortController();
  await download({ url, to, checksum, maxBytesPerSecond }, { open, timers, log, retries, signal });
  return { content: readFileSync(to), lines, timers };
}

/** Reads through an opener, and tells of each piece that has come. */
function watched(onPiece: () => void): OpenUrl {
  const open = urlOpener({ environment: {} });
  return async (...args) => {
    const opened = await open(...args);
    async function* body(): AsyncGenerator<Uint8Array> {
      for await (const piece of opened.body) {
        yield piece;
        onPiece();
      }
    }
    return { ...opened, body: body() };
  };
}

/** Answers one request after the other. */
function inTurn(...listeners: RequestListener[]): {
  listener: RequestListener;
  ranges: (string | undefined)[];
} {
  const ranges: (string | undefined)[] = [];
  const listener: RequestListener = (request, response) => {
    ranges.push(request.headers.range);
    listeners.shift()?.(request, response);
  };
  return { listener, ranges };
}

/** Gives a part, and cuts the connection when told. */
function broken(content: Buffer): { listener: RequestListener; cut: () => void } {
  let response: ServerResponse | undefined;
  return {
    listener: (_, given) => {
      response = given.writeHead(200, { etag: '"one"', 'content-length': content.length });
      response.write(content.subarray(0, 300_000));
    },
    cut: () => void response?.destroy(),
  };
}

describe('download', () => {
  it('continues what broke off', async () => {
    const scope = testScope();
    const first = broken(CONTENT);
    const { listener, ranges } = inTurn(first.listener, serveBytes(CONTENT, '"one"'));
    const url = await httpServer(scope, listener);
    const { content, lines } = await fetched(scope, url, { count: 1, open: watched(first.cut) });
    expect(content.equals(CONTENT)).toBe(true);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(lines[0]).toMatch(
      /failed: the connection was lost after [1-9]\d* of 500000 bytes .*; again in 3s$/,
    );
  });

  it('begins anew when the object has changed meanwhile', async () => {
    const scope = testScope();
    const first = broken(randomBytes(600_000));
    const { listener } = inTurn(first.listener, serveBytes(CONTENT, '"two"'));
    const url = await httpServer(scope, listener);
    const { content } = await fetched(scope, url, { count: 1, open: watched(first.cut) });
    expect(content.equals(CONTENT)).toBe(true);
  });

  it('fetches anew what has a wrong checksum, and says so when it stays wrong', async () => {
    const scope = testScope();
    const other = randomBytes(600_000);
    const { listener, ranges } = inTurn(serveBytes(other, '"one"'), serveBytes(CONTENT, '"one"'));
    const { content } = await fetched(scope, await httpServer(scope, listener), { count: 1 });
    expect(content.equals(CONTENT)).toBe(true);
    expect(ranges).toEqual([undefined, undefined]);
    const url = await httpServer(scope, serveBytes(CONTENT, '"one"'));
    const checksum = parseChecksum('0'.repeat(32));
    await expect(fetched(scope, url, { checksum })).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringMatching(/ has 500000 bytes with the md5 checksum \w{32}, not 0{32}$/),
    });
  });

  it('waits as long as the server asks for, and gives up after the last attempt', async () => {
    const scope = testScope();
    const busy: RequestListener = (_, response) =>
      void response.writeHead(503, { 'retry-after': '60' }).end();
    const { listener } = inTurn(busy, serveBytes(CONTENT, '"one"'));
    const { timers } = await fetched(scope, await httpServer(scope, listener), { count: 1 });
    expect(timers.now()).toBe(61_000);
    const url = await httpServer(scope, (_, response) => void response.writeHead(404).end());
    await expect(fetched(scope, url, { count: 2 })).rejects.toMatchObject({ kind: 'not-found' });
  });

  it('keeps to its rate limit', async () => {
    const scope = testScope();
    const url = await httpServer(scope, serveBytes(CONTENT, '"one"'));
    const { timers } = await fetched(scope, url, { maxBytesPerSecond: 100_000 });
    // A sum of as many fractions as there were pieces.
    expect(timers.now()).toBeGreaterThan(1000 + 5000 - 1);
  });

  it('takes no longer than its timeout', async () => {
    const scope = testScope();
    const url = await httpServer(scope, (_, response) => void response.writeHead(200).write('the beginning'));
    await expect(fetched(scope, url, { timeoutMs: 300, count: 5 })).rejects.toMatchObject({
      kind: 'timeout',
      message: expect.stringContaining('took longer than 300ms'),
    });
  });
});
