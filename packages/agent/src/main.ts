import '@deploy-tools/shared/cli/without-debugger.js';
import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { agentSignals } from './host/agent-signals.js';
import type { DaemonStart } from './programs/daemon/follow-one.js';
import { startAgent } from './programs/daemon/start-agent.js';
import { runDoctor } from './programs/examine/doctor-program.js';
import { runPlan } from './programs/examine/plan-program.js';
import { AGENT_FLAGS } from './programs/flags/agent-flags.js';
import { configPath, splitCommand } from './programs/flags/split-command.js';
import { runCtl, runWake } from './tell/control/ctl-programs.js';

const [word, ...rest] = process.argv.slice(2);
const SUBCOMMANDS: Readonly<Record<string, (argv: readonly string[]) => Promise<void>>> = {
  ctl: runCtl,
  wake: runWake,
  doctor: runDoctor,
  guard: async (argv) => await (await import('./programs/guard/guard-program.js')).runGuard(argv),
  plan: runPlan,
  manifest: async (argv) =>
    await (await import('./programs/deploy-file/deploy-file-program.js')).runDeployFileProgram(argv),
};
const subcommand = Object.hasOwn(SUBCOMMANDS, word ?? '') ? SUBCOMMANDS[word ?? ''] : undefined;
void (subcommand === undefined ? runAgent(process.argv.slice(2)) : subcommand(rest));

async function runAgent(argv: readonly string[]): Promise<void> {
  const signals = agentSignals();
  const { own, command } = splitCommand(argv);
  await runProgram(
    {
      name: 'deploy-agent',
      summary:
        'Follows a configuration: fetches and unpacks its layers and runs the deploy script when it changes.\n' +
        'After -- comes a program that is run from the current release and switched without a gap: -- CMD ARGS\n' +
        'Also: deploy-agent doctor (could an agent with these flags work here?), plan (what would it do now?), and to talk to one\n' +
        'that runs on this host: ctl, wake. guard starts a program only where the wanted release is here.\n' +
        'Without a registry: -source (follows a place that releases appear in), manifest (deploys once what a file says). Each answers -h.',
      flags: AGENT_FLAGS,
      run: async (flags, given) => {
        const log = await createLogger('deploy-agent', flags.v ? 'debug' : flags['log-level'], {
          format: flags['log-format'],
        });
        signals.logTo(log);
        const status = await startDaemon({ flags, given, command, log, signals });
        log.info('stopped');
        return status;
      },
    },
    own,
  );
}

/** Starts the agent that the flags ask for. Only an agent of one configuration is loaded before it is needed. */
async function startDaemon(start: DaemonStart): Promise<number> {
  const { flags, command, log, signals } = start;
  if (flags.source !== undefined)
    return await (await import('./programs/sourced/follow-source.js')).followSource(start);
  const path = configPath(flags, command);
  if (path === undefined) return await startAgent(start);
  return await (await import('./programs/configured/start-configured.js')).startConfigured(
    path,
    log,
    signals,
  );
}
