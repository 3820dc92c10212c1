import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import type { FlagSpec, FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { endOnLostOutput } from '@deploy-tools/shared/cli/output-errors.js';
import { type Program, runProgram } from '@deploy-tools/shared/cli/program.js';
import { columns } from '@deploy-tools/shared/columns.js';
import { DeployError, describeError, exitCodeOf } from '@deploy-tools/shared/errors.js';
import type { Fields } from '@deploy-tools/shared/json/json-schemas.js';
import { MAX_PAUSE_BY, MAX_PAUSE_REASON } from '@deploy-tools/shared/report/pause-note.js';
import { callAgent } from './call-agent.js';
import { CONTROL_COMMANDS, type ControlCommand, type ControlRequest } from './control-line.js';
import { statusRows } from './status-rows.js';

const WAKE_FLAGS = [
  flag.text('dir', 'directory of the agent', { default: '.' }),
  flag.text('name', 'configuration; each that the agent follows without'),
] as const satisfies readonly FlagSpec[];

const CTL_FLAGS = [
  ...WAKE_FLAGS,
  flag.bool('json', 'print JSON, one object a configuration'),
] as const satisfies readonly FlagSpec[];

const PAUSE_FLAGS = [
  ...CTL_FLAGS,
  flag.text('reason', 'why, for ctl status and the status of the registry'),
] as const satisfies readonly FlagSpec[];

const HELP: Readonly<Record<ControlCommand, string>> = {
  status: 'Shows what runs, what is in progress and what failed.',
  check: 'Has the agent poll the registry now.',
  retry:
    'Has the agent retry now what waits: a revision that failed, was vetoed, or was rolled back by hand.',
  redeploy:
    'Deploys the running release once more, with hooks, script and checks, such as for a changed script.',
  cancel:
    'Ends the deployment in progress, and rolls back what is live already. The revision then waits for a retry, or for another one.',
  pause:
    'Stops deployments until resume, also after a restart of the agent. A deployment in progress is finished. -reason TEXT says why.',
  resume: 'Ends a pause.',
  rollback:
    'Rolls back to the previous release, with the script as after a failure. Cancels a deployment in progress. The revision then waits for a retry, or for another one.',
};

/** `deploy-agent ctl COMMAND`: sends a command to the agent on this host. Sets process.exitCode. */
export async function runCtl([word, ...argv]: readonly string[]): Promise<void> {
  endOnLostOutput('deploy-agent ctl');
  if (word === undefined || /^--?h(elp)?$/.test(word)) {
    process.stdout.write(
      `Usage: deploy-agent ctl COMMAND [-dir DIR] [-name NAME] [-json] [-reason TEXT]\n\n${commandList()}`,
    );
    process.exitCode = word === undefined ? 2 : 0;
    return;
  }
  const command = CONTROL_COMMANDS.find((known) => known === word);
  if (command === 'pause') return await runProgram(PAUSE, argv);
  if (command !== undefined) return await runProgram(ctlProgram(command), argv);
  const error = new DeployError('usage', `there is no ctl command "${word}"`, {
    hint: `use ${CONTROL_COMMANDS.join(', ')}`,
  });
  process.stderr.write(`deploy-agent: ${describeError(error)}\n`);
  process.exitCode = exitCodeOf(error);
}

function commandList(): string {
  return columns(CONTROL_COMMANDS.map((command) => [`  ${command}`, HELP[command]])).replace(/ +$/gm, '');
}

function ctlProgram(command: ControlCommand): Program<typeof CTL_FLAGS> {
  return {
    name: `deploy-agent ctl ${command}`,
    summary: HELP[command],
    flags: CTL_FLAGS,
    run: (flags) => ask({ command, name: flags.name }, flags),
  };
}

const PAUSE: Program<typeof PAUSE_FLAGS> = {
  name: 'deploy-agent ctl pause',
  summary: HELP.pause,
  flags: PAUSE_FLAGS,
  run: async ({ reason, ...flags }) => {
    if (reason !== undefined && reason.length > MAX_PAUSE_REASON)
      throw new DeployError('usage', `the reason is longer than ${MAX_PAUSE_REASON} characters`, {
        hint: 'shorten it, and say where there is more to read',
      });
    const why = reason === undefined || reason === '' ? {} : { reason };
    return await ask({ command: 'pause', name: flags.name, ...why }, flags);
  },
};

async function ask(request: ControlRequest, flags: FlagValues<typeof CTL_FLAGS>): Promise<number> {
  const configs = await callAgent(resolve(flags.dir), { ...request, by: askingUser() });
  process.stdout.write(shown(request.command, configs, flags));
  return 0;
}

function shown(
  command: ControlCommand,
  configs: readonly Fields[],
  { json }: FlagValues<typeof CTL_FLAGS>,
): string {
  if (json) return configs.map((config) => `${JSON.stringify(config)}\n`).join('');
  if (command === 'status') return columns(statusRows(configs)).replace(/ +$/gm, '');
  return configs.map(({ Config, Answer }) => `${String(Config)}: ${String(Answer)}\n`).join('');
}

/** `deploy-agent wake`: has the agent poll the registry, and prints nothing. Sets process.exitCode. */
export async function runWake(argv: readonly string[]): Promise<void> {
  await runProgram(
    {
      name: 'deploy-agent wake',
      summary: 'Has the agent poll the registry now, and prints nothing. For event handlers.',
      flags: WAKE_FLAGS,
      run: async ({ dir, name }) => {
        await callAgent(resolve(dir), { command: 'check', name });
        return 0;
      },
    },
    argv,
  );
}

/** The name of the user who runs this command: the caller of sudo, or the user of this process. */
function askingUser(): string {
  const { SUDO_USER } = process.env;
  if (SUDO_USER !== undefined && SUDO_USER !== '') return SUDO_USER.slice(0, MAX_PAUSE_BY);
  try {
    return userInfo().username.slice(0, MAX_PAUSE_BY);
  } catch {
    return `uid ${process.getuid?.()}`; // It has no name.
  }
}
