import { chmodSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { serviceManager } from '@deploy-tools/shared/host/service-manager.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { RegistryLink } from '../../follow/registry-link.js';
import type { AgentSignals } from '../../host/agent-signals.js';
import { controlPath } from '../../tell/control/call-agent.js';
import { answerControl } from '../../tell/control/configuration-control.js';
import { serveControl } from '../../tell/control/control-server.js';
import { takeAgentDirectory } from '../daemon/agent-places.js';
import { registryAccess } from '../daemon/registry-access.js';
import { Fleet } from './fleet.js';
import { type ConfigFile, readConfigFile } from './read-config-file.js';

/** The configurations' own directories are open to their users' groups alone; what is above them has to be passed by all. */
function letPass({ configurations }: ConfigFile, dir: string): void {
  const isShared = [...configurations.values()].some(({ flags }) => flags.user !== undefined);
  const mode = statSync(dir).mode & 0o7777;
  if (isShared && (mode & 0o001) === 0) chmodSync(dir, mode | 0o011);
}

/**
 * Follows the configurations of a file, over one connection, until the signal. SIGHUP reads it again; a file with a mistake
 * changes nothing. SIGUSR1 starts the supervised programs anew.
 * @throws DeployError with one sentence for each reason not to start.
 */
export async function startConfigured(path: string, log: Logger, signals: AgentSignals): Promise<number> {
  const file = readConfigFile(path);
  const connection = await registryAccess(file.shared, signals.stop);
  const dir = resolve(file.shared.dir);
  const lock = takeAgentDirectory(dir, log);
  try {
    letPass(file, dir);
    const bounded = { ...connection, maxBandwidth: file.shared['max-bandwidth'] };
    const link = new RegistryLink(bounded, log, (made) => fleet.follow(made));
    const fleet = new Fleet(file, dir, link, log);
    const answer = (request: Parameters<typeof answerControl>[1]) =>
      answerControl(fleet.controlled(), request);
    const control = await serveControl({ path: controlPath(dir), answer, log });
    const manager = serviceManager({
      environment: process.env,
      pid: process.pid,
      onTrouble: (message) => log.warn(message),
    });
    fleet.begin();
    signals.onHangup(() => fleet.reload(path));
    signals.onRestart(() => fleet.startAnew());
    log.info(
      { configurations: [...file.configurations.keys()], dir, registry: file.shared.addr },
      'agent ready',
    );
    manager.ready(`following ${[...file.configurations.keys()].join(', ')}`);
    await aborted(signals.stop);
    manager.stopping();
    await fleet.end();
    control?.close();
    link.close();
    await manager.close();
    return 0;
  } finally {
    lock.release();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}
