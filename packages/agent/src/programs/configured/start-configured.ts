import { chmodSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Logger } from '@deploy-tools/shared/log.js';
import { RegistryLink } from '../../follow/registry-link.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { whenAborted } from '../../host/either-signal.js';
import { takeAgentDirectory } from '../daemon/agent-places.js';
import { registryAccess } from '../daemon/registry-access.js';
import { runDaemon } from '../daemon/run-daemon.js';
import { Fleet } from './fleet.js';
import { type ConfigFile, readConfigFile } from './read-config-file.js';

/**
 * Runs the agent that follows the configurations of a file over one connection. SIGHUP reads the file again; SIGUSR1 restarts the
 * supervised programs.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startConfigured(path: string, log: Logger, signals: AgentSignals): Promise<number> {
  const file = readConfigFile(path);
  const connection = await registryAccess(file.shared, signals.stop);
  const dir = resolve(file.shared.dir);
  const lock = takeAgentDirectory(dir, log);
  try {
    openToUsers(file, dir);
    const bounded = { ...connection, maxBandwidth: file.shared['max-bandwidth'] };
    const link = new RegistryLink(bounded, log, (made) => fleet.follow(made));
    const fleet = new Fleet({ file, dir, link, log });
    const names = [...file.configurations.keys()];
    return await runDaemon({
      dir,
      log,
      signals,
      controlled: () => fleet.controlled(),
      onHangup: () => fleet.reload(path),
      onRestart: () => fleet.restartPrograms(),
      ready: { configurations: names, dir, registry: file.shared.addr },
      follows: names.join(', '),
      run: async () => {
        try {
          fleet.begin();
          await whenAborted(signals.stop);
          return 0;
        } finally {
          await fleet.end();
        }
      },
      close: async () => link.close(),
    });
  } finally {
    lock.release();
  }
}

/** Lets other users traverse the agent's directory, in which each configuration's directory is open to its user's group alone. */
function openToUsers({ configurations }: ConfigFile, dir: string): void {
  const isShared = [...configurations.values()].some(({ flags }) => flags.user !== undefined);
  const mode = statSync(dir).mode & 0o7777;
  if (isShared && (mode & 0o001) === 0) chmodSync(dir, mode | 0o011);
}
