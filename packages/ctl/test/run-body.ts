import { PassThrough, Readable } from 'node:stream';
import { deployctl } from '@deploy-tools/ctl/deployctl.js';
import { fromDocker } from '@deploy-tools/ctl/from-docker.js';
import { exitStatus } from '@deploy-tools/ctl/run-program.js';
import { readAll } from '../../../test/support/read-all.js';
import type { Program, Ran } from './run-bin.js';

const BODIES = { deployctl, 'deploy-from-docker': fromDocker } as const;

/** Runs one of the programs in this process: for cases that are many and need none of their own. */
export async function runBody(
  program: Program,
  argv: readonly string[],
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly stdin?: Buffer;
    readonly terminal?: boolean;
  },
): Promise<Ran> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const status = await exitStatus(program, BODIES[program], {
    argv,
    env: options.env,
    stdin: Readable.from([options.stdin ?? Buffer.alloc(0)]),
    stdout: Object.assign(stdout, { isTTY: options.terminal === true }),
    stderr,
    home: options.env.HOME ?? '/nonexistent',
    loginName: '',
    signal: new AbortController().signal,
  });
  return { status, stdout: readAll(stdout), stderr: readAll(stderr) };
}
