import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { AGENT_FLAGS } from './agent-flags.js';
import { startAgent } from './compose.js';
import { runCtl, runWake } from './control/ctl-programs.js';
import type { Launch } from './supervise/start-child.js';

const [word, ...rest] = process.argv.slice(2);
const SUBCOMMANDS: Readonly<Record<string, (argv: readonly string[]) => Promise<void>>> = {
  ctl: runCtl,
  wake: runWake,
};
const subcommand = Object.hasOwn(SUBCOMMANDS, word ?? '') ? SUBCOMMANDS[word ?? ''] : undefined;
await (subcommand === undefined ? runDaemon(process.argv.slice(2)) : subcommand(rest));

async function runDaemon(argv: readonly string[]): Promise<void> {
  const { own, command } = splitCommand(argv);
  await runProgram(
    {
      name: 'deploy-agent',
      summary:
        'Follows a configuration: fetches and unpacks its layers and runs the deploy script when it changes.\n' +
        'After -- comes a program that is run from the current release and switched without a gap: -- CMD ARGS\n' +
        'To talk to an agent that runs on this host: deploy-agent ctl -h, deploy-agent wake -h',
      flags: AGENT_FLAGS,
      run: async (flags) => {
        const log = await createLogger('deploy-agent', flags.v ? 'debug' : flags['log-level']);
        const stop = stopSignal((signal) => log.info({ signal }, 'stopping; a running script is waited for'));
        const onHangup = (listener: () => void) => void process.on('SIGHUP', listener);
        const status = await startAgent(flags, command, log, { stop, onHangup });
        log.info('stopped');
        return status;
      },
    },
    own,
  );
}

/** What comes after the first `--` is not ours. */
function splitCommand(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly command: Launch['command'] | undefined;
} {
  const at = argv.indexOf('--');
  if (at < 0) return { own: argv, command: undefined };
  const [program, ...args] = argv.slice(at + 1);
  return { own: argv.slice(0, at), command: program === undefined ? undefined : [program, ...args] };
}

/** Aborted by SIGTERM or SIGINT, whichever comes first; a second one ends the process at once. */
function stopSignal(onStop: (signal: NodeJS.Signals) => void): AbortSignal {
  const stop = new AbortController();
  const listener = (signal: NodeJS.Signals) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.removeListener(name, listener);
      process.once(name, () => process.exit(1));
    }
    onStop(signal);
    stop.abort();
  };
  process.once('SIGTERM', listener).once('SIGINT', listener);
  return stop.signal;
}
