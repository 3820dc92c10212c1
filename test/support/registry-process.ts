import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LogFollower } from './log-follower.js';
import { type RunningProgram, startProgram } from './program.js';
import type { Scope } from './scope.js';
import { ordinarySshKey, type SshKey } from './ssh-key.js';
import { tempDir } from './temp-dir.js';

/** The files that a registry is started on. */
export interface RegistrySite {
  /** Holds everything below; for a test's own files too. */
  readonly root: string;
  /** The registry's -dir. */
  readonly dir: string;
  readonly operatorKeys: string;
  readonly agentKeys: string;
  readonly operator: SshKey;
  readonly agent: SshKey;
}

/** A directory with both key files, one key in each. */
export async function makeSite(scope: Scope): Promise<RegistrySite> {
  const root = tempDir(scope);
  const [operator, agent] = await Promise.all([
    ordinarySshKey(root, 'operator'),
    ordinarySshKey(root, 'agent'),
  ]);
  const site: RegistrySite = {
    root,
    dir: join(root, 'registry'),
    operatorKeys: join(root, 'operator.keys'),
    agentKeys: join(root, 'service.keys'),
    operator,
    agent,
  };
  mkdirSync(site.dir, { mode: 0o700 });
  writeFileSync(site.operatorKeys, `${operator.line}\n`);
  writeFileSync(site.agentKeys, `${agent.line}\n`);
  return site;
}

/** A registry that listens. */
export interface RegistryProcess {
  readonly site: RegistrySite;
  readonly host: string;
  readonly port: number;
  readonly fingerprint: string;
  readonly pid: number;
  readonly log: LogFollower;
  readonly ended: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, and waits for the end. @returns the exit status. */
  stop(): Promise<number | NodeJS.Signals>;
  /** SIGKILL, and waits for the end. */
  kill9(): Promise<void>;
  /** After it has ended: another one on the same directory, address and port. */
  restart(flags?: readonly string[]): Promise<RegistryProcess>;
}

/** The arguments that start a registry on a site; later ones win. */
export function registryArgs(site: RegistrySite, flags: readonly string[] = []): string[] {
  const files = ['-dir', site.dir, '-opauth', site.operatorKeys, '-srvauth', site.agentKeys];
  return ['-addr', '127.0.0.1:0', ...files, ...flags];
}

/**
 * Starts the real program and waits until it says that it is ready.
 * @param env what differs from this process's environment.
 * @throws with its log when it does not start.
 */
export async function startRegistry(
  scope: Scope,
  site: RegistrySite,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<RegistryProcess> {
  const args = registryArgs(site, flags);
  const program = startProgram(scope, 'deploy-registry', args, { ...process.env, ...env });
  const ready = await program.log.line('registry ready');
  const [, host = '', port = ''] = /^\[?([^\]]*)\]?:(\d+)$/.exec(String(ready.address)) ?? [];
  return {
    site,
    host,
    port: Number(port),
    fingerprint: String(ready.fingerprint),
    pid: pidOf(program),
    log: program.log,
    ended: program.ended,
    kill: (signal) => void program.child.kill(signal),
    stop: () => end(program, 'SIGTERM'),
    kill9: async () => void (await end(program, 'SIGKILL')),
    restart: (newFlags = flags) =>
      startRegistry(
        scope,
        site,
        [...newFlags, '-addr', `${host.includes(':') ? `[${host}]` : host}:${port}`],
        env,
      ),
  };
}

function end(program: RunningProgram, signal: NodeJS.Signals): Promise<number | NodeJS.Signals> {
  program.child.kill(signal);
  return program.ended;
}

function pidOf(program: RunningProgram): number {
  const { pid } = program.child;
  if (pid === undefined) throw new Error('the registry did not start');
  return pid;
}
