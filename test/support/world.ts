import { type OpenSsh, openSsh } from './open-ssh.js';
import { makeSite, type RegistryProcess, startRegistry } from './registry-process.js';
import { run } from './run.js';
import type { Scope } from './scope.js';
import type { SshKey } from './ssh-key.js';

/** A registry with its two users at hand. */
export interface World {
  readonly registry: RegistryProcess;
  /** Holds the test's own files. */
  readonly root: string;
  /** The operator's stock clients. */
  readonly operator: OpenSsh;
  /** The agent's stock clients. */
  readonly agent: OpenSsh;
  /** The stock clients of any user with any key. */
  client(user: string, key: SshKey, set?: readonly string[]): OpenSsh;
}

/** Flags of a registry that takes every archive and has no manifest of any: agents fetch and unpack archives. */
export const WITHOUT_MANIFESTS = ['-unchecked', '-max-unpacked', '1KB'] as const;

/** Starts a registry with these flags. @param env what differs from this process's environment. */
export async function startWorld(
  scope: Scope,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<World> {
  const site = await makeSite(scope);
  const registry = await startRegistry(scope, site, flags, env);
  const client = (user: string, key: SshKey, set: readonly string[] = []) =>
    openSsh(registry, { dir: site.root, user, key, set });
  return {
    registry,
    root: site.root,
    operator: client('ops', site.operator),
    agent: client('deploy-agent', site.agent),
    client,
  };
}

/**
 * The same, but the operator's clients share one connection: a third of the work, where a test runs many commands and logging in
 * is not what it is about. Ended with the scope.
 */
export async function overOneConnection(scope: Scope, world: World): Promise<World> {
  const { root, operator } = world.registry.site;
  const socket = `${root}/shared-connection`;
  const set = ['ControlMaster=auto', `ControlPath=${socket}`, 'ControlPersist=yes'];
  const shared = world.client('ops', operator, set);
  scope.defer(async () => void (await run('ssh', ['-O', 'exit', ...shared.sshArgs()])));
  const opened = await shared.exec('components');
  if (opened.status !== 0) throw new Error(opened.stderr);
  return { ...world, operator: shared };
}
