import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { join } from 'node:path';
import { type CheckContext, oneLine } from '@deploy-tools/agent/process/health/health-check.js';
import {
  parseExecCheck,
  parseHttpCheck,
  parseTcpCheck,
} from '@deploy-tools/agent/process/health/parse-checks.js';
import { runCheck } from '@deploy-tools/agent/process/health/run-check.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../../../../test/support/run.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { until } from '../../../../../test/support/until.js';
import { isRunning } from '../supervise/supervised.js';

const CONTEXT: CheckContext = {
  timeoutMs: 10_000,
  environment: { PATH: process.env.PATH ?? '', NEWROOT: '/release' },
  cwd: '/',
};
const NEVER = new AbortController().signal;

/** Its port. */
function listen(server: Server): Promise<number> {
  testScope().defer(() => new Promise((resolve) => server.close(() => resolve())));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

async function httpAnswer(listener: RequestListener, context: Partial<CheckContext> = {}, path = '/health') {
  const server = createServer(listener);
  const port = await listen(server);
  const check = parseHttpCheck(`http://127.0.0.1:${port}${path}`);
  return runCheck(check, { ...CONTEXT, ...context }, NEVER).finally(() => server.closeAllConnections());
}

async function execAnswer(command: string, context: Partial<CheckContext> = {}) {
  return runCheck(parseExecCheck(command), { ...CONTEXT, ...context }, NEVER);
}

describe('an http check', () => {
  it.each([
    [200, 'passing', 'HTTP 200 OK'],
    [204, 'passing', 'HTTP 204 No Content'],
    [302, 'passing', 'HTTP 302 Found'],
    [399, 'passing', 'HTTP 399'],
    [400, 'critical', 'HTTP 400 Bad Request: what is wrong'],
    [404, 'critical', 'HTTP 404 Not Found: what is wrong'],
    [503, 'critical', 'HTTP 503 Service Unavailable: what is wrong'],
    [799, 'critical', 'HTTP 799: what is wrong'],
  ])('answered %i is %s', async (code, status, answer) => {
    const listener: RequestListener = (_request, response) =>
      response.writeHead(code, { location: 'http://127.0.0.1:1/' }).end('what\nis\x1b wrong');
    expect(await httpAnswer(listener)).toMatchObject({ status, answer });
  });

  it('asks by GET for the path, with the host of the URL, on a connection that is closed after', async () => {
    let asked: unknown;
    await httpAnswer(
      ({ method, url, headers }, response) => {
        asked = { method, url, host: headers.host?.replace(/\d+$/, 'PORT'), connection: headers.connection };
        response.end('x'.repeat(10_000));
      },
      {},
      '/a%20b?c=d',
    );
    expect(asked).toEqual({ method: 'GET', url: '/a%20b?c=d', host: '127.0.0.1:PORT', connection: 'close' });
  });

  it('does not wait for a body without end', async () => {
    const listener: RequestListener = (_request, response) => {
      const more = (): boolean => response.write('x'.repeat(1000)) && setImmediate(more) !== undefined;
      response.on('drain', more);
      more();
    };
    expect(await httpAnswer(listener)).toMatchObject({ status: 'passing', answer: 'HTTP 200 OK' });
  });

  it.each<[string, RequestListener, string]>([
    ['says nothing', () => {}, 'no answer within 200ms'],
    [
      'does not finish',
      (_request, response) => response.writeHead(200).write('part'),
      'no answer within 200ms',
    ],
    [
      'hangs up',
      (request) => request.socket.destroy(),
      'the connection was closed before the answer was whole',
    ],
    [
      'hangs up in the middle',
      (request, response) => response.writeHead(200).write('part', () => request.socket.destroy()),
      'the connection was closed before the answer was whole',
    ],
  ])('is critical when the server %s', async (_title, listener, answer) => {
    const context = answer.includes('200ms') ? { timeoutMs: 200 } : {};
    expect(await httpAnswer(listener, context)).toMatchObject({ status: 'critical', answer });
  });

  it('is critical when the port is closed, or speaks something else', async () => {
    const closed = createTcpServer();
    const port = await listen(closed);
    await new Promise((resolve) => closed.close(resolve));
    const check = parseHttpCheck(`http://127.0.0.1:${port}/`);
    expect(await runCheck(check, CONTEXT, NEVER)).toMatchObject({
      status: 'critical',
      answer: 'connection refused',
    });
    const other = await listen(createTcpServer((socket) => socket.resume().end('SSH-2.0-x\r\n')));
    expect(await runCheck(parseHttpCheck(`http://127.0.0.1:${other}/`), CONTEXT, NEVER)).toMatchObject({
      status: 'critical',
      answer: expect.stringContaining('Parse Error'),
    });
  });

  it('that is called off while it connects does not wait for an answer', async () => {
    const port = await listen(createTcpServer((socket) => socket.resume()));
    const stop = new AbortController();
    const pid = () => {
      stop.abort();
      return process.pid;
    };
    const check = parseHttpCheck(`http://127.0.0.1:${port}/`);
    await expect(
      runCheck(check, { ...CONTEXT, program: { ports: [port], pid } }, stop.signal),
    ).rejects.toThrow('This operation was aborted');
  });

  it('does not believe a certificate that nobody vouches for', async () => {
    const dir = tempDir(testScope());
    const files = ['-keyout', join(dir, 'key'), '-out', join(dir, 'cert'), '-subj', '/CN=localhost'];
    const made = await run('openssl', [
      'req',
      '-x509',
      '-newkey',
      'ed25519',
      '-nodes',
      '-days',
      '2',
      ...files,
    ]);
    expect(made.status).toBe(0);
    const [key, cert] = [readFileSync(join(dir, 'key')), readFileSync(join(dir, 'cert'))];
    const port = await listen(createHttpsServer({ key, cert }, (_request, response) => response.end()));
    expect(await runCheck(parseHttpCheck(`https://localhost:${port}/`), CONTEXT, NEVER)).toMatchObject({
      status: 'critical',
      answer: expect.stringContaining('self-signed certificate'),
    });
  });
});

describe('a tcp check', () => {
  it('passes when the connection opens', async () => {
    const port = await listen(createTcpServer((socket) => socket.resume().end('hello')));
    expect(await runCheck(parseTcpCheck(`127.0.0.1:${port}`), CONTEXT, NEVER)).toMatchObject({
      status: 'passing',
      answer: 'connected',
    });
  });

  it('is critical when it does not', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await runCheck(parseTcpCheck(`127.0.0.1:${port}`), CONTEXT, NEVER)).toMatchObject({
      status: 'critical',
      answer: 'connection refused',
    });
    expect(await runCheck(parseTcpCheck('host.invalid:1'), CONTEXT, NEVER)).toMatchObject({
      status: 'critical',
    });
  });
});

describe('an exec check', () => {
  it.each([
    ['true', 'passing', 'exit status 0'],
    ['echo fine; exit 0', 'passing', 'exit status 0: fine'],
    ['echo no; exit 1', 'critical', 'exit status 1: no'],
    ['false', 'critical', 'exit status 1'],
    ['echo one; echo two >&2; exit 2', 'critical', /exit status 2: (one two|two one)/],
    ['no-such-program', 'critical', /exit status 127: .*no-such-program.*not found/],
    ['kill -9 $$', 'critical', 'killed by SIGKILL'],
    ['echo $NEWROOT; pwd', 'passing', 'exit status 0: /release /'],
    ['exec sleep 30', 'critical', 'no answer within 200ms'],
  ])('%s', async (command, status, answer) => {
    const answered = await execAnswer(command, command.includes('sleep') ? { timeoutMs: 200 } : {});
    expect(answered.status).toBe(status);
    expect(answered.answer).toMatch(answer);
  });

  it('warns with the status that was said to be a warning, and with no other', async () => {
    const warned = { warnStatus: 3 };
    expect(await execAnswer('echo so-so; exit 3', warned)).toMatchObject({
      status: 'warning',
      answer: 'exit status 3: so-so',
    });
    expect(await execAnswer('exit 1', warned)).toMatchObject({ status: 'critical' });
    expect(await execAnswer('exit 0', warned)).toMatchObject({ status: 'passing' });
  });

  it("runs in the agent's working directory by default", async () => {
    const { answer } = await execAnswer('pwd', { cwd: undefined });
    expect(answer).toBe(`exit status 0: ${process.cwd()}`);
  });

  it('is bounded in what it answers', async () => {
    const { answer } = await execAnswer('yes xxxxxxxx | head -n 100000; exit 3');
    expect(answer.length).toBeLessThan(301);
    expect(answer).toContain('exit status 3: xxxxxxxx');
  });

  it('whose directory is gone is critical', async () => {
    expect(await execAnswer('true', { cwd: '/nonexistent' })).toMatchObject({ status: 'critical' });
  });

  it('leaves behind what it started, which gets SIGPIPE when it prints after', async () => {
    const dir = tempDir(testScope());
    const at = (name: string) => join(dir, name);
    const left = `until test -e ${at('go')}; do sleep 0.02; done; echo late; touch ${at('printed')}`;
    expect(await execAnswer(`(${left}) & echo $! > ${at('pid')}`)).toMatchObject({ status: 'passing' });
    const pid = Number(readFileSync(at('pid'), 'utf8'));
    expect(isRunning(pid)).toBe(true);
    writeFileSync(at('go'), '');
    await until('it has ended', () => !isRunning(pid));
    expect(existsSync(at('printed'))).toBe(false);
  });

  it('that is called off ends with its group', async () => {
    const file = join(tempDir(testScope()), 'pid');
    const stop = new AbortController();
    const check = parseExecCheck(`sleep 30 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`);
    const answered = runCheck(check, CONTEXT, stop.signal);
    await until('the check runs', () => existsSync(file));
    stop.abort();
    await expect(answered).rejects.toThrow('This operation was aborted');
    expect(existsSync(`/proc/${readFileSync(file, 'utf8').trim()}/exe`)).toBe(false);
  });

  it('that is called off gets no time to end by itself', async () => {
    const dir = tempDir(testScope());
    const stop = new AbortController();
    const check = parseExecCheck(
      `trap 'touch heard' TERM; echo $$ > pid.new; mv pid.new pid; while :; do sleep 0.01; done`,
    );
    const answered = runCheck(check, { ...CONTEXT, cwd: dir }, stop.signal);
    await until('the check runs', () => existsSync(join(dir, 'pid')));
    stop.abort();
    await expect(answered).rejects.toThrow('This operation was aborted');
    expect(isRunning(Number(readFileSync(join(dir, 'pid'), 'utf8')))).toBe(false);
    expect(existsSync(join(dir, 'heard'))).toBe(false);
  });

  it('that is called off before it has begun is not started', async () => {
    const dir = tempDir(testScope());
    const stop = new AbortController();
    const answered = runCheck(parseExecCheck('touch ran'), { ...CONTEXT, cwd: dir }, stop.signal);
    stop.abort();
    await expect(answered).rejects.toThrow('This operation was aborted');
    expect(existsSync(join(dir, 'ran'))).toBe(false);
  });
});

it('an answer is one bounded line whatever was said', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => {
      const line = oneLine(text);
      expect(line.length).toBeLessThanOrEqual(300);
      expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
    }),
  );
});
