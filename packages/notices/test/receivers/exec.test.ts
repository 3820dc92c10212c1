import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openReceiver } from '@deploy-tools/notices/open-receiver.js';
import type { AllowedPrograms } from '@deploy-tools/notices/receiver.js';
import { checkProgram } from '@deploy-tools/notices/receivers/exec.js';
import { recentThreads } from '@deploy-tools/notices/recent-threads.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { kindOfRejection } from '../../../shared/test/support/kind-of.js';
import { messageOf, TIME } from '../support/samples.js';

const NEVER = new AbortController().signal;
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function program(name: string, script: string): string {
  const path = join(dir, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

function send(path: string, query = '', signal = NEVER, programs: AllowedPrograms = 'any'): Promise<void> {
  const environment = { PATH: process.env.PATH, SLACK_TOKEN: 'secret' };
  const tools = { environment, clock: () => new Date(TIME), threads: recentThreads(), programs };
  return openReceiver(`exec://${path}${query}`, tools).send(messageOf(), signal);
}

/** Whether a process is there, and not only because nobody took note of its end. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('exec', () => {
  it('gives the event to the program, and no secrets', async () => {
    await send(program('tell', `cat > ${dir}/event; env > ${dir}/env`));
    expect(JSON.parse(readFileSync(join(dir, 'event'), 'utf8'))).toMatchObject({
      id: 'id-1',
      event: 'deploy-started',
      title: 'project1 revision 7: deploying, runs on 1 of 3 hosts',
    });
    const environment = readFileSync(join(dir, 'env'), 'utf8');
    expect(environment).toMatch(/^DEPLOY_EVENT=deploy-started$/m);
    expect(environment).not.toContain('SLACK_TOKEN');
  });

  it('a program that does not read its input has taken the message', async () => {
    await send(program('tell', 'exit 0'));
  });

  it('a status that is not 0 is a failure, with what it said', async () => {
    const error = await send(program('tell', 'echo no network >&2; exit 3')).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({
      kind: 'script',
      message: `${join(dir, 'tell')} exited with status 3: no network`,
    });
  });

  it('after the timeout its whole group is gone, with what does not heed TERM', async () => {
    const path = program(
      'tell',
      `sh -c 'trap "" TERM; echo $$ > ${dir}/pid; while :; do sleep 0.05; done' & wait`,
    );
    expect(await kindOfRejection(send(path, '?timeout=500ms'))).toBe('timeout');
    expect(existsSync(join(dir, 'pid'))).toBe(true);
    await expect.poll(() => runs(Number(readFileSync(join(dir, 'pid'), 'utf8')))).toBe(false);
  });

  it('what it leaves behind is ended when it ends', async () => {
    await send(program('tell', `sleep 1000 & echo $! > ${dir}/pid`));
    await expect.poll(() => runs(Number(readFileSync(join(dir, 'pid'), 'utf8')))).toBe(false);
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const path = program('tell', `echo $$ > ${dir}/pid; exec sleep 1000`);
    const sending = kindOfRejection(send(path, '', stop.signal));
    await expect.poll(() => existsSync(join(dir, 'pid'))).toBe(true);
    stop.abort();
    expect(await sending).toBe('cancelled');
  });

  it('runs only what is allowed, links looked through', async () => {
    mkdirSync(join(dir, 'allowed'));
    const inside = join(dir, 'allowed', 'tell');
    const outside = program('outside', 'exit 0');
    writeFileSync(inside, '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync(outside, join(dir, 'allowed', 'link'));
    writeFileSync(join(dir, 'allowed', 'text'), '', { mode: 0o644 });
    const directory = { directory: join(dir, 'allowed') };
    expect(await kindOfRejection(checkProgram(inside, directory))).toBe('nothing thrown');
    expect(await kindOfRejection(checkProgram(outside, directory))).toBe('denied');
    expect(await kindOfRejection(checkProgram(join(dir, 'allowed', 'link'), directory))).toBe('denied');
    expect(await kindOfRejection(checkProgram(join(dir, 'allowed', 'text'), directory))).toBe('denied');
    expect(await kindOfRejection(checkProgram(join(dir, 'allowed', 'none'), directory))).toBe('not-found');
    expect(await kindOfRejection(checkProgram(join(dir, 'allowed'), 'any'))).toBe('denied');
    expect(await kindOfRejection(send(inside, '', NEVER, 'none'))).toBe('denied');
  });
});
