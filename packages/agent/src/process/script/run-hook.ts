import { type GroupEnd, type GroupRun, runInGroup } from './run-in-group.js';
import { cannotStart, scriptFailure } from './script-error.js';

/** In the order of a deploy; in a rollback, `rollback` comes before `script`. See docs/release-life.md. */
export const HOOKS = [
  'pre',
  'prepare',
  'script',
  'validate',
  'post',
  'success',
  'failure',
  'rollback',
] as const;

export type Hook = (typeof HOOKS)[number];

/** EX_TEMPFAIL of sysexits(3): not now, try later. */
export const VETO_STATUS = 75;

export interface HookRun extends Omit<GroupRun, 'program' | 'args' | 'signal'> {
  readonly hook: Hook;
  /** The program of `-script` or `-hook-…`, absolute or a word to look up in PATH. It has no arguments; facts are in its environment. */
  readonly command: string;
}

/** `vetoed`: it ended with {@link VETO_STATUS}, which the caller may count as a failure. */
export type HookOutcome = 'done' | 'vetoed';

/**
 * Runs a hook, or the deploy script, to its end in a process group of its own. After the timeout the whole group gets TERM, then
 * KILL. HOOK in the environment is the hook's name.
 * @throws DeployError script when it cannot be started, fails, is killed or takes too long.
 */
export async function runHook({ hook, command, ...rest }: HookRun): Promise<HookOutcome> {
  const name = hook === 'script' ? `the script ${command}` : `the ${hook} hook ${command}`;
  const run: GroupRun = { ...rest, program: command, environment: { ...rest.environment, HOOK: hook } };
  const end: GroupEnd = await runInGroup(run).catch((error: unknown) => {
    throw cannotStart({ name, flag: hook === 'script' ? '-script' : `-hook-${hook}` }, run, error);
  });
  if (end.code === VETO_STATUS && end.stopped === undefined) return 'vetoed';
  const failure = scriptFailure(name, run.timeoutMs, end);
  if (failure !== undefined) throw failure;
  return 'done';
}
