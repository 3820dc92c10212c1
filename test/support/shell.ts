import { spawn } from 'node:child_process';
import type { Scope } from './scope.js';

/** A shell that commands are typed into, one after another. */
export interface Shell {
  /** @returns what the command printed, standard error included, and its exit status. */
  type(command: string): Promise<{ readonly output: string; readonly status: number }>;
}

/** Starts bash, without start-up files; ended with the scope, and with it what runs in its background. */
export function startShell(scope: Scope, cwd: string, env: NodeJS.ProcessEnv): Shell {
  const shell = spawn('bash', ['--norc', '--noprofile'], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  let wake = () => {};
  for (const stream of [shell.stdout, shell.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      wake();
    });
  }
  const ended = new Promise<void>((resolve) => shell.once('close', () => resolve()));
  scope.defer(async () => {
    if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGKILL');
    await ended;
  });
  shell.stdin.write('exec 2>&1\n');
  let number = 0;
  return {
    type: async (command) => {
      number += 1;
      const mark = `--end-of-${number}-`;
      // Not the shell's own input: what a command read of it would not be typed any more.
      const quoted = `'${command.replaceAll("'", "'\\''")}'`;
      shell.stdin.write(`eval ${quoted} < /dev/null\necho "${mark}$?"\n`);
      const end = new RegExp(`(?<printed>[\\s\\S]*?)${mark}(?<status>\\d+)\\n`);
      for (;;) {
        const found = end.exec(output)?.groups;
        if (found !== undefined) {
          output = '';
          return { output: found.printed ?? '', status: Number(found.status) };
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}
