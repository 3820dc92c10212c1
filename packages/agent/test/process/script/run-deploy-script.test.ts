import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HookRun, runHook } from '@deploy-tools/agent/process/script/run-hook.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import { describe, expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { until } from '../../../../../test/support/until.js';

const PATH = process.env.PATH ?? '';

/** Writes a script for /bin/sh, or with a first line of its own. */
function script(text: string, { name = 'deploy.sh', mode = 0o755 } = {}): string {
  const path = join(tempDir(testScope()), name);
  writeFileSync(path, text.startsWith('#!') ? text : `#!/bin/sh\n${text}\n`, { mode });
  return path;
}

interface Ran {
  readonly lines: readonly string[];
  /** Undefined for success. */
  readonly error: string | undefined;
  readonly ms: number;
}

async function ran(path: string, options: Partial<HookRun> = {}): Promise<Ran> {
  const lines: string[] = [];
  const started = performance.now();
  const onLine = (stream: string, line: string) => lines.push(`${stream}: ${line}`);
  const run = {
    hook: 'script',
    command: path,
    environment: { PATH },
    timeoutMs: 20_000,
    onLine,
    ...options,
  } as const;
  const error = await runHook(run).then(
    () => undefined,
    (thrown: unknown) => {
      if (!isDeployError(thrown, 'script')) throw thrown;
      return thrown.message.replace(path, 'SCRIPT');
    },
  );
  return { lines, error, ms: performance.now() - started };
}

function isRunning(pid: string): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

describe('what a script ends with', () => {
  it.each([
    ['exit 0', undefined],
    ['exit 1', 'the script SCRIPT failed with exit status 1'],
    ['exit 255', 'the script SCRIPT failed with exit status 255'],
    ['kill -9 $$', 'the script SCRIPT was killed by SIGKILL'],
    ['kill -TERM $$', 'the script SCRIPT was killed by SIGTERM'],
    ['kill -SEGV $$', 'the script SCRIPT was killed by SIGSEGV'],
  ])('%s', async (body, error) => {
    expect((await ran(script(body))).error).toBe(error);
  });
});

describe('a script that cannot be started', () => {
  it('is missing', async () => {
    expect((await ran('/nonexistent/deploy.sh')).error).toBe('the script SCRIPT does not exist');
  });

  it('is not executable', async () => {
    expect((await ran(script('exit 0', { mode: 0o644 }))).error).toBe('the script SCRIPT is not executable');
  });

  it('is a directory', async () => {
    expect((await ran(tempDir(testScope()))).error).toBe('the script SCRIPT is not executable');
  });

  it('names an interpreter that is not there', async () => {
    const { error } = await ran(script('#!/nonexistent/sh\n'));
    expect(error).toBe('the script SCRIPT names an interpreter that does not exist');
  });

  it('is a word that PATH does not know', async () => {
    expect((await ran('no-such-deploy-script')).error).toBe('the script SCRIPT does not exist');
  });
});

describe('where a script is found', () => {
  it('by a path with spaces and other signs', async () => {
    const path = script('echo found', { name: "my $HOME 'deploy' script.sh" });
    expect(await ran(path)).toMatchObject({ error: undefined, lines: ['stdout: found'] });
  });

  it('by a word, in the PATH that it gets', async () => {
    const path = script('echo found', { name: 'my-deploy' });
    const environment = { PATH: `${join(path, '..')}:${PATH}` };
    expect(await ran('my-deploy', { environment })).toMatchObject({
      error: undefined,
      lines: ['stdout: found'],
    });
  });
});

describe('what a script gets', () => {
  it('is that environment, HOOK, and no other, nothing on standard input, a process group of its own', async () => {
    const body = 'tr "\\0" "\\n" < /proc/$$/environ; wc -c; echo "$(ps -o pgid= -p $$)" is $$';
    const { lines } = await ran(script(body), { environment: { PATH, ONLY: 'this' } });
    const [pgid, is, pid] = lines.at(-1)?.replace('stdout:', '').trim().split(/\s+/) ?? [];
    expect(is).toBe('is');
    expect(pgid).toBe(pid);
    expect(lines.slice(0, -1).sort()).toEqual([
      'stdout: 0',
      'stdout: HOOK=script',
      'stdout: ONLY=this',
      `stdout: PATH=${PATH}`,
    ]);
  });

  it('is announced to the caller by its process id before it runs', async () => {
    const pids: number[] = [];
    const { lines } = await ran(script('echo $$'), { beforeRun: (pid) => pids.push(pid) });
    expect(lines).toEqual([`stdout: ${pids[0]}`]);
    expect(pids).toHaveLength(1);
  });
});

describe('what a script prints', () => {
  it('comes line by line, from both streams, the last without its end too', async () => {
    const { lines } = await ran(script('echo one; echo two >&2; printf three; printf four >&2'));
    expect([...lines].sort()).toEqual(['stderr: four', 'stderr: two', 'stdout: one', 'stdout: three']);
  });

  it('may be much', async () => {
    const { lines, error } = await ran(script('seq 1 200000; seq 1 1000 >&2; exit 3'));
    expect(error).toContain('exit status 3');
    expect(lines.filter((line) => line.startsWith('stdout'))).toHaveLength(200_000);
    expect(lines.filter((line) => line.startsWith('stderr'))).toHaveLength(1000);
  });

  it('may be binary', async () => {
    const { lines, error } = await ran(script("printf 'a\\000b\\377\\376c\\n'; head -c 100000 /dev/urandom"));
    expect(error).toBeUndefined();
    expect(lines[0]).toBe('stdout: a\0b\ufffd\ufffdc');
  });

  it('may be nothing, with its outputs closed', async () => {
    expect(await ran(script('exec >&- 2>&-; exit 0'))).toMatchObject({ lines: [], error: undefined });
  });
});

describe('a script that takes too long', () => {
  it('is ended with its whole group, also a grandchild that ignores TERM', async () => {
    const stubborn = `sh -c 'trap "" TERM; echo "$$"; while :; do sleep 0.1; done' & wait`;
    const { lines, error, ms } = await ran(script(stubborn), { timeoutMs: 1500, killAfterMs: 500 });
    expect(error).toBe('the script SCRIPT did not end within 1.5s and was stopped');
    expect(ms).toBeLessThan(50_000);
    const pid = lines[0]?.replace('stdout: ', '') ?? '';
    expect(pid).toMatch(/^\d+$/);
    await until('the grandchild has ended', () => !isRunning(pid));
  });

  it('leaves what it started the time to clean up, though it is gone itself', async () => {
    const file = join(tempDir(testScope()), 'cleaned');
    const child = `sh -c 'trap "sleep 1; echo yes > ${file}; exit" TERM; while :; do sleep 0.05; done' > /dev/null 2>&1`;
    const { error, ms } = await ran(script(`${child} & wait`), { timeoutMs: 1500 });
    expect(error).toContain('did not end within 1.5s');
    expect(readFileSync(file, 'utf8')).toBe('yes\n');
    expect(ms).toBeLessThan(50_000);
  });

  it('may clean up on TERM, and fails all the same', async () => {
    const { lines, error } = await ran(script("trap 'echo cleaning; exit 0' TERM; sleep 30 & wait"), {
      timeoutMs: 1500,
    });
    expect(lines).toEqual(['stdout: cleaning']);
    expect(error).toContain('did not end within 1.5s');
  });

  it('is killed when it ignores TERM itself', async () => {
    const { error } = await ran(script("trap '' TERM; while :; do sleep 0.1; done"), {
      timeoutMs: 300,
      killAfterMs: 500,
    });
    expect(error).toContain('did not end within 300ms');
  });
});

describe('a process that a script leaves behind', () => {
  it('lives on and holds nothing up, though it keeps the output open', async () => {
    const { lines, error } = await ran(script('sleep 1000 & echo $!'));
    expect(error).toBeUndefined();
    const pid = lines[0]?.replace('stdout: ', '') ?? '';
    expect(isRunning(pid)).toBe(true);
    process.kill(Number(pid), 'SIGKILL');
  });

  it('costs no time when its output goes elsewhere, and outlives a timeout of the script when it has its own session', async () => {
    const dir = tempDir(testScope());
    mkdirSync(join(dir, 'run'));
    const daemon = `setsid sh -c 'echo $$ > ${dir}/run/pid; exec sleep 30' > /dev/null 2>&1 &`;
    const wait = `while ! test -s ${dir}/run/pid; do sleep 0.02; done`;
    const { error } = await ran(script(`${daemon} ${wait}; sleep 30`), { timeoutMs: 2000 });
    expect(error).toContain('did not end within 2s');
    const pid = readFileSync(join(dir, 'run/pid'), 'utf8').trim();
    expect(isRunning(pid)).toBe(true);
    process.kill(Number(pid), 'SIGKILL');
  });
});
