import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Program = 'deployctl' | 'deploy-from-docker';

export function binPath(program: Program): string {
  return fileURLToPath(new URL(`../bin/${program}.js`, import.meta.url));
}

/** Runs one of the programs as a user would, with nothing but this environment. */
export function runBin(
  program: Program,
  args: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly stdin?: Buffer;
    readonly cwd?: string;
    /** In a session of its own, without a terminal. */
    readonly detached?: boolean;
  },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [binPath(program), ...args], {
      env: { ...options.env },
      cwd: options.cwd,
      detached: options.detached,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.on('error', () => undefined); // the program may end before it has read all
    child.stdin.end(options.stdin);
  });
}
