import { type GroupEnd, type GroupRun, runInGroup } from './run-in-group.js';
import { cannotStart, scriptFailure } from './script-error.js';

export interface ScriptRun extends Omit<GroupRun, 'program' | 'args' | 'stdin' | 'signal'> {
  /** Absolute, or a word to look up in PATH. */
  readonly script: string;
}

/**
 * Runs a script to its end in a process group of its own, standard input empty.
 * @see runInGroup for its end.
 * @throws DeployError script when it cannot be started, fails, is killed or takes too long.
 */
export async function runScript({ script, ...run }: ScriptRun): Promise<void> {
  const name = `the script ${script}`;
  const end: GroupEnd = await runInGroup({ ...run, program: script }).catch((error: unknown) => {
    throw cannotStart(name, '-script', { ...run, program: script }, error);
  });
  const failure = scriptFailure(name, run.timeoutMs, end);
  if (failure !== undefined) throw failure;
}
