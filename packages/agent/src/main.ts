import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { AGENT_FLAGS } from './agent-flags.js';
import { startAgent } from './compose.js';

await runProgram(
  {
    name: 'deploy-agent',
    summary:
      'Follows a configuration: fetches and unpacks its layers and runs the deploy script when it changes.',
    flags: AGENT_FLAGS,
    run: async (flags) => {
      const log = await createLogger('deploy-agent', flags.v ? 'debug' : flags['log-level']);
      const stop = stopSignal((signal) => log.info({ signal }, 'stopping; a running script is waited for'));
      const status = await startAgent(flags, log, stop);
      log.info('stopped');
      return status;
    },
  },
  process.argv.slice(2),
);

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
