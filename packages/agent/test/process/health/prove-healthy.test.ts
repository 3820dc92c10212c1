import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemTimers } from '@deploy-tools/agent/host/timers.js';
import { describeCheck } from '@deploy-tools/agent/process/health/health-check.js';
import { parseExecCheck } from '@deploy-tools/agent/process/health/parse-checks.js';
import { type HealthProof, proveHealthy } from '@deploy-tools/agent/process/health/prove-healthy.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { instantTimers } from '../../instant-timers.js';

function proof(commands: readonly string[], options: Partial<HealthProof> = {}): HealthProof {
  return {
    checks: commands.map(parseExecCheck),
    minHealthyMs: 10_000,
    deadlineMs: 60_000,
    intervalMs: 1000,
    unhealthyAfter: 3,
    timeoutMs: 5000,
    environment: { PATH: process.env.PATH ?? '' },
    cwd: tempDir(testScope()),
    timers: instantTimers(),
    signal: new AbortController().signal,
    ...options,
  };
}

/** A command that counts how often it was asked and fails in these rounds, numbered from 1. */
function failsIn(...rounds: readonly number[]): string {
  return countsIn('n', rounds);
}

function countsIn(file: string, rounds: readonly number[]): string {
  const list = rounds.join('|') || 'none';
  const count = `n=$(($(cat ${file} 2>/dev/null || echo 0) + 1)); echo $n > ${file}`;
  return `${count}; case $n in ${list}) echo bad $n; exit 2;; esac`;
}

/** How long it took, by the proof's own time. */
async function took(given: HealthProof): Promise<number> {
  const before = given.timers.now();
  await proveHealthy(given);
  return given.timers.now() - before;
}

describe('a release is healthy', () => {
  it('when its checks have passed for so long', async () => {
    expect(await took(proof(['true', failsIn()]))).toBe(10_000);
  });

  it('only without a break: a failure begins the count anew', async () => {
    expect(await took(proof(['true', failsIn(1, 2, 5)]))).toBe(15_000);
  });

  it('though checks fail in turn, as long as none fails too often in a row', async () => {
    const commands = [countsIn('one', [2, 3, 6, 7]), countsIn('other', [4, 5, 8])];
    expect(await took(proof(commands))).toBe(18_000);
  });

  it('with a warning too', async () => {
    expect(await took(proof(['exit 3'], { warnStatus: 3 }))).toBe(10_000);
  });

  it('after one round when no time is asked for', async () => {
    expect(await took(proof([failsIn(1)], { minHealthyMs: 0 }))).toBe(1000);
  });

  it('by checks that are all asked at once', async () => {
    const waits = (own: string, other: string) => `touch ${own}; until test -e ${other}; do sleep 0.01; done`;
    const answers: string[] = [];
    await took(
      proof([waits('a', 'b'), waits('b', 'a')], {
        ...{ minHealthyMs: 0, timeoutMs: 20_000 },
        onAnswer: ({ status }) => answers.push(status),
      }),
    );
    expect(answers).toEqual(['passing', 'passing']);
  });

  it('when it lived for so long and there is nothing to check', async () => {
    expect(await took(proof([]))).toBe(10_000);
  });

  it('in real time too', async () => {
    const given = proof(['true'], { timers: systemTimers, minHealthyMs: 300, intervalMs: 50 });
    const ms = await took(given);
    expect(ms).toBeGreaterThanOrEqual(300);
    expect(ms).toBeLessThan(10_000);
  });
});

describe('a release is not healthy', () => {
  it('when the deadline is over; the check is named with its last answer', async () => {
    const given = proof(['true', 'echo bad; exit 2'], { unhealthyAfter: 0 });
    const [, check] = given.checks;
    await expect(took(given)).rejects.toMatchObject({
      kind: 'unhealthy',
      message: `not healthy within 1m0s: ${check && describeCheck(check)}: exit status 2: bad`,
    });
  });

  it('when a check has failed so often in a row, an interval apart from the beginning on; no deadline is waited for', async () => {
    const given = proof(['true', failsIn(1, 2, 3, 4, 5, 6)]);
    const [, check] = given.checks;
    const before = given.timers.now();
    await expect(proveHealthy(given)).rejects.toMatchObject({
      kind: 'unhealthy',
      message: `failed 3 times in a row: ${check && describeCheck(check)}: exit status 2: bad 4`,
    });
    expect(given.timers.now() - before).toBe(3000);
  });

  it('when a check hangs so often in a row; no more of them are asked than of those that fail at once', async () => {
    let answers = 0;
    const given = proof(['sleep 30'], {
      ...{ timers: systemTimers, timeoutMs: 100, intervalMs: 20, deadlineMs: 600_000 },
      onAnswer: () => {
        answers += 1;
      },
    });
    await expect(took(given)).rejects.toThrow(
      'failed 3 times in a row: exec sleep 30: no answer within 100ms',
    );
    expect(answers).toBe(3); // one that fails at once is asked four times: the first is not an interval after the beginning
  });

  it('when a check fails so often in a row after it had passed', async () => {
    const given = proof([failsIn(4, 5, 6)]);
    const before = given.timers.now();
    await expect(proveHealthy(given)).rejects.toThrow(/^failed 3 times in a row: exec .* bad 6$/);
    expect(given.timers.now() - before).toBe(5000);
  });

  it('after a single failure where one is said to be enough', async () => {
    await expect(took(proof([failsIn(3)], { unhealthyAfter: 1 }))).rejects.toThrow(
      /^failed once: exec .* bad 3$/,
    );
  });

  it('when it never stays so for long enough', async () => {
    const every = Array.from({ length: 20 }, (_, index) => 9 * (index + 1));
    await expect(took(proof([failsIn(...every)]))).rejects.toThrow(
      /^its checks passed, but never for 10s in a row within 1m0s: exec .*: exit status 2: bad 54$/,
    );
  });

  it('when a check hangs until the deadline, which bounds it', async () => {
    const given = proof(['sleep 30'], { timers: systemTimers, deadlineMs: 300, minHealthyMs: 0 });
    await expect(took(given)).rejects.toThrow(/^not healthy within 300ms: exec sleep 30: no answer within/);
  });

  it('when its program dies, at once, whatever the checks do', async () => {
    const died = new AbortController();
    const reason = new DeployError('unhealthy', 'the program ended with exit status 3');
    const dir = tempDir(testScope());
    const given = proof(['touch asked; sleep 30'], { cwd: dir, died: died.signal, timers: systemTimers });
    const proved = took({
      ...given,
      checks: [...given.checks, parseExecCheck('until test -e asked; do sleep 0.01; done')],
      onAnswer: () => died.abort(reason),
    });
    await expect(proved).rejects.toBe(reason);
    expect(existsSync(join(dir, 'asked'))).toBe(true);
  });

  it('when its program was dead already', async () => {
    const reason = new DeployError('unhealthy', 'gone');
    await expect(took(proof(['touch asked'], { died: AbortSignal.abort(reason) }))).rejects.toBe(reason);
  });
});

it('an agent that stops does not wait', async () => {
  const stop = new AbortController();
  const given = proof(['true'], { signal: stop.signal, timers: systemTimers, onAnswer: () => stop.abort() });
  await expect(took(given)).rejects.toMatchObject({ name: 'AbortError' });
});

it('reports every answer, and which ones are news', async () => {
  const told: string[] = [];
  const given = proof([failsIn(1, 2)], {
    minHealthyMs: 2000,
    onAnswer: ({ status, answer }, changed) => told.push(`${changed ? 'now ' : ''}${status} ${answer}`),
  });
  writeFileSync(join(given.cwd ?? '', 'n'), '0\n');
  await proveHealthy(given);
  expect(told).toEqual([
    'now critical exit status 2: bad 1',
    'critical exit status 2: bad 2',
    'now passing exit status 0',
    'passing exit status 0',
    'passing exit status 0',
  ]);
});
