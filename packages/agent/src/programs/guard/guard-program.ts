import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import { systemTimers } from '../../host/timers.js';
import { VETO_STATUS } from '../../process/script/run-hook.js';
import { controlPath } from '../../tell/control/call-agent.js';
import { splitCommand } from '../flags/split-command.js';
import { agentDirectoryOf, askWanted, nudgeAgent } from './ask-wanted.js';
import { becomeCommand } from './become-command.js';
import { type Decision, decideStart, type Knowledge } from './decide-start.js';
import { viewDisk } from './disk-view.js';

/** Between two looks at the disk and at the agent. */
const LOOK_MS = 250;
/** Between two questions to the registry itself. */
const REGISTRY_LOOK_MS = 2000;
/** The time after which the registry counts as unreachable. */
const ANSWER_TIMEOUT_MS = 10_000;
const LONGEST_MS = 24 * 3_600_000;

const GUARD_FLAGS = [
  flag.text('dir', 'directory of the configuration: the agent has it as -dir', { default: '.' }),
  flag.text('agent-dir', 'directory of the agent, where that is neither -dir nor the one above it'),
  flag.duration('wait', 'how long to wait for the wanted release', {
    default: '60s',
    min: 0,
    max: LONGEST_MS,
  }),
  flag.duration(
    'max-stale',
    'while the registry cannot be reached: how long ago it may have wanted what is here',
    { default: '24h', min: 0 },
  ),
  flag.bool(
    'rolled-back',
    'start also the last good release, where the wanted one failed and was rolled back',
  ),
  flag.text('name', 'configuration; needed where no agent runs, or one with several'),
  flag.text('addr', 'registry to ask where no agent runs', { default: 'localhost:2022' }),
  flag.text('fp', 'its host key fingerprint; without it known_hosts is used'),
  flag.text('key', 'ssh private key to ask it with; the default keys of the agent without it'),
  flag.text('known-hosts', 'known_hosts file to use instead of ~/.ssh/known_hosts'),
] as const satisfies readonly FlagSpec[];

type GuardFlags = FlagValues<typeof GUARD_FLAGS>;

/** `deploy-agent guard … -- CMD ARGS`: becomes CMD when the right release is here. Sets process.exitCode. */
export async function runGuard(argv: readonly string[]): Promise<void> {
  const { own, command } = splitCommand(argv);
  await runProgram(
    {
      name: 'deploy-agent guard',
      summary:
        'Starts the program after -- only when the release on disk is the one that the registry wants, or when the registry\n' +
        'cannot be reached and the release is the last good one and was wanted lately. Otherwise it exits 75 and says why.',
      flags: GUARD_FLAGS,
      run: async (flags) => {
        if (command === undefined)
          throw new DeployError('usage', 'there is no program to start', { hint: 'name it after --' });
        const decision = await decided(flags);
        process.stderr.write(`deploy-agent guard: ${decision.why}\n`);
        return decision.start ? await becomeCommand(command) : VETO_STATUS;
      },
    },
    own,
  );
}

interface Look {
  readonly decision: Decision;
  /** Whether an answer about the wanted release may still come. */
  readonly isOpen: boolean;
}

/** Looks until the program may start, or the time is over and the registry had enough time to answer. */
async function decided(flags: GuardFlags): Promise<Decision> {
  const dir = resolve(flags.dir);
  const hasSocket = (at: string) => existsSync(controlPath(at));
  const began = performance.now();
  const since = new Date();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), Math.max(flags.wait, ANSWER_TIMEOUT_MS));
  try {
    for (let nudged = ''; ; ) {
      const agentDir = resolve(agentDirectoryOf(dir, flags['agent-dir'], hasSocket));
      const passed = () => performance.now() - began;
      const hasHadItsTime = (isFinal: boolean) =>
        passed() >= (isFinal ? Math.min(ANSWER_TIMEOUT_MS, flags.wait) : ANSWER_TIMEOUT_MS);
      const source = { agentDir, name: flags.name, access: flags, since, hasHadItsTime };
      if (nudged !== agentDir && hasSocket(agentDir)) {
        await nudgeAgent(source);
        nudged = agentDir;
      }
      const { decision, isOpen } = await decideOnce(dir, flags, () => askWanted(source, late.signal));
      const left = (isOpen ? Math.max(flags.wait, ANSWER_TIMEOUT_MS) : flags.wait) - passed();
      if (decision.start || left <= 0) return decision;
      await systemTimers.sleep(Math.min(hasSocket(agentDir) ? LOOK_MS : REGISTRY_LOOK_MS, left));
    }
  } finally {
    clearTimeout(timer);
  }
}

async function decideOnce(dir: string, flags: GuardFlags, ask: () => Promise<Knowledge>): Promise<Look> {
  try {
    const known = await ask();
    const rules = { now: new Date(), maxStaleMs: flags['max-stale'], rolledBack: flags['rolled-back'] };
    const isOpen = known.kind === 'unknown' && !known.isSettled;
    return { decision: decideStart(viewDisk(dir), known, rules), isOpen };
  } catch (error) {
    if (isDeployError(error, 'usage') || !isDeployError(error)) throw error;
    return { decision: { start: false, why: error.message }, isOpen: false };
  }
}
