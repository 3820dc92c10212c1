import '@deploy-tools/shared/cli/without-debugger.js';
import '@deploy-tools/shared/cli/optimise-later.js';
import { setFlagsFromString } from 'node:v8';
import { runProgram } from '@deploy-tools/shared/cli/program.js';
import { serviceManager } from '@deploy-tools/shared/host/service-manager.js';
import { createLogger } from '@deploy-tools/shared/log.js';
import { REGISTRY_FLAGS } from './registry-flags.js';

// A small young generation for this program; each thread sets its own.
setFlagsFromString('--max-semi-space-size=0');

await runProgram(
  {
    name: 'deploy-registry',
    summary:
      'Stores archives as component versions and configurations made of them; speaks SSH and SFTP only.',
    flags: REGISTRY_FLAGS,
    run: async (flags) => {
      const log = await createLogger('deploy-registry', flags['log-level'], { format: flags['log-format'] });
      const stopping = firstSignal(); // from here on, so that a signal during the start is not lost
      const { startRegistry } = await import('./compose.js'); // loaded here, because -h and a wrong flag do without it
      const registry = await startRegistry(flags, log);
      const manager = serviceManager({
        environment: process.env,
        pid: process.pid,
        onTrouble: (message) => log.warn(message),
      });
      manager.ready(`listening on ${registry.address}`);
      const signal = await stopping;
      log.info({ signal }, 'stopping');
      manager.stopping();
      await registry.stop();
      await manager.close();
      log.info('stopped');
      return 0;
    },
  },
  process.argv.slice(2),
);

/** The first SIGTERM, SIGINT or SIGQUIT; a second one ends the process at once. */
function firstSignal(): Promise<NodeJS.Signals> {
  const names = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
  return new Promise((resolve) => {
    const listener = (signal: NodeJS.Signals) => {
      for (const name of names) {
        process.removeListener(name, listener);
        process.once(name, () => process.exit(1));
      }
      resolve(signal);
    };
    for (const name of names) process.once(name, listener);
  });
}
