import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HookRun, runHook } from '@deploy-tools/agent/process/script/run-hook.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

const PATH = process.env.PATH ?? '';

function hook(text: string): string {
  const path = join(tempDir(testScope()), 'hook');
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** The outcome or the error's message, and what was printed. */
async function ran(command: string, options: Partial<HookRun> = {}) {
  const lines: string[] = [];
  const run: HookRun = {
    hook: 'pre',
    command,
    cwd: '/',
    environment: { PATH, REASON: 'deploy' },
    timeoutMs: 20_000,
    onLine: (_stream, line) => lines.push(line),
    ...options,
  };
  const outcome = await runHook(run).catch((error: unknown) => {
    if (!isDeployError(error, 'script')) throw error;
    return error.message.replace(command, 'HOOK');
  });
  return { outcome, lines };
}

describe('what a hook ends with', () => {
  it.each([
    ['exit 0', 'done'],
    ['exit 75', 'vetoed'],
    ['exit 74', 'the pre hook HOOK failed with exit status 74'],
    ['kill -9 $$', 'the pre hook HOOK was killed by SIGKILL'],
  ])('%s', async (body, outcome) => {
    expect((await ran(hook(body))).outcome).toBe(outcome);
  });

  it('is called by the name that its flag has', async () => {
    expect((await ran(hook('exit 1'), { hook: 'script' })).outcome).toBe(
      'the script HOOK failed with exit status 1',
    );
    expect((await ran('/nonexistent/hook', { hook: 'validate' })).outcome).toBe(
      'the validate hook HOOK does not exist',
    );
  });

  it('tells a missing working directory from a missing program', async () => {
    expect((await ran(hook('exit 0'), { cwd: '/nonexistent/dir' })).outcome).toBe(
      'the pre hook HOOK cannot be started: its directory /nonexistent/dir does not exist',
    );
  });

  it('is no veto when it took too long, whatever the status', async () => {
    const { outcome } = await ran(hook("trap 'exit 75' TERM; sleep 30 & wait"), { timeoutMs: 1000 });
    expect(outcome).toBe('the pre hook HOOK did not end within 1s and was stopped');
  });
});

describe('what a hook gets', () => {
  it('is its directory, its name and the environment', async () => {
    const cwd = tempDir(testScope());
    const { lines } = await ran(hook('pwd; echo $HOOK $REASON; wc -c'), { hook: 'prepare', cwd });
    expect(lines).toEqual([cwd, 'prepare deploy', '0']);
  });

  it('is text on standard input, whole', async () => {
    const stdin = `${'x'.repeat(99)}\n`.repeat(10_000);
    expect((await ran(hook('wc -c'), { hook: 'success', stdin })).lines).toEqual(['1000000']);
  });

  it.each([
    ['does not read it', 'exit 0'],
    ['closes it', 'exec <&-; exit 0'],
    ['reads a part', 'head -c 10 > /dev/null'],
    ['leaves it to a process that lives on', 'sleep 2 & exit 0'],
  ])('is text that does no harm to one that %s', async (_title, body) => {
    expect(await ran(hook(body), { stdin: 'y'.repeat(1_000_000) })).toEqual({ outcome: 'done', lines: [] });
  });
});
