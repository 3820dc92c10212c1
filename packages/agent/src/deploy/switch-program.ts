import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../host/either-signal.js';
import { programEnvironment, type Root } from '../process/script/script-environment.js';
import type { Prove } from '../process/supervise/supervisor.js';
import type { AgentContext } from './agent-context.js';
import { AttemptFacts } from './attempt-facts.js';
import type { DeployRoots } from './deploy-roots.js';
import { checkEnvironment, proveRelease } from './prove-release.js';

/**
 * Lets the supervised program of a release take over, where there is one and it does not run from there already; in the
 * pause after a crash it does not run. The new one has to pass the checks once before; they may be answered by the old one, so it has to be proven again after.
 * @returns aborted when the program of the release ends by itself, also where it did so before this returns; undefined where
 * there is none.
 * @throws DeployError unhealthy; why it was called off; AbortError. The one before is in charge then.
 */
export async function switchProgram(
  context: AgentContext,
  roots: DeployRoots,
): Promise<AbortSignal | undefined> {
  const { program, env, calledOff } = context;
  const { config, next } = roots;
  if (program === undefined) return undefined;
  const { root, died } = program;
  if (root === next.root && died?.aborted !== true) return died;
  const environment = checkEnvironment(context, roots);
  const prove: Prove = ({ pid }, stop) =>
    proveRelease(context, { how: 'once', environment, pid, signal: stop });
  const stop = eitherSignal(context.signal, calledOff);
  try {
    return await program.switchTo(next.root, programEnvironment(env, next, config), prove, stop.signal);
  } finally {
    stop.clear();
  }
}

/**
 * Whatever was proven: in the end the program in charge has to be that of the release, and to run.
 * @throws DeployError unhealthy.
 */
export function requireInCharge({ program }: AgentContext, { next }: DeployRoots): void {
  if (program === undefined) return;
  const { root, died } = program;
  if (root !== next.root)
    throw new DeployError(
      'unhealthy',
      `the program in charge is not that of the release: it runs from ${root ?? 'nowhere'}`,
      { hint: 'see what restarted it meanwhile' },
    );
  if (died?.aborted === true) throw died.reason;
}

/** Runs the program of a release that was proven before, as at the start of the agent. */
export function startProgram(context: AgentContext, config: AgentConfig, next: Root): void {
  context.program?.start(next.root, programEnvironment(context.env, next, config));
}

/** Lets a fresh run of the program take over. @throws DeployError not-found when none runs; unhealthy; AbortError. */
export async function restartProgram(context: AgentContext): Promise<void> {
  const { program, signal } = context;
  if (program?.root === undefined) return;
  const own = { ...context, facts: new AttemptFacts() }; // it is no part of the attempt that may be in flight
  await program.restart(({ launch, pid }, stop) => {
    const environment = { ...launch.environment, OLDID: '', OLDROOT: '' };
    return proveRelease(own, { how: 'once', environment, pid, signal: stop });
  }, signal);
}
