import { spawn } from 'node:child_process';
import { freePort } from './free-port.js';
import { type RunResult, run } from './run.js';
import type { Scope } from './scope.js';
import { until } from './until.js';

/** An agent of the real Serf. */
export interface SerfAgent {
  /** Where others join it. */
  readonly bind: string;
  /** Fires a user event on it. */
  event(name: string, payload: string): Promise<RunResult>;
  /** `serf members` of those that are alive. */
  members(): Promise<RunResult>;
}

/** Starts one, ended with the scope. @param flags further ones. @param env also of its event handlers. */
export async function startSerf(
  scope: Scope,
  node: string,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Promise<SerfAgent> {
  const [bind, rpc] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const args = ['agent', `-node=${node}`, `-bind=${bind}`, `-rpc-addr=${rpc}`, '-profile=local', ...flags];
  const child = spawn('serf', args, { stdio: 'ignore', env });
  const ended = new Promise((resolve) => child.once('close', resolve));
  scope.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const members = () => run('serf', ['members', `-rpc-addr=${rpc}`, '-status=alive']);
  await until(`serf ${node} answers`, async () => (await members()).status === 0);
  const event = (name: string, payload: string) => run('serf', ['event', `-rpc-addr=${rpc}`, name, payload]);
  return { bind, event, members };
}
