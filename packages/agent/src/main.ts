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
      const stop = new AbortController();
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.once(signal, () => {
          log.info({ signal }, 'stopping; a running script is waited for');
          process.once(signal, () => process.exit(1));
          stop.abort();
        });
      }
      const status = await startAgent(flags, log, stop.signal);
      log.info('stopped');
      return status;
    },
  },
  process.argv.slice(2),
);
