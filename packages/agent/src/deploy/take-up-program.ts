import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { usableRelease } from '../release/release-directory.js';
import type { AgentContext } from './agent-context.js';
import { rootOf } from './deploy-roots.js';
import { type Live, liveRelease } from './journal.js';
import { DamagedState, readState } from './state-file.js';

/**
 * Starts the supervised program from the release that it ran from, unless it runs already: the live one, or the proven one where a
 * script was cut off.
 */
export function takeUpProgram(context: AgentContext): void {
  const { paths, ledger, log, host } = context;
  if (host.isRunning) return;
  const config = releaseInCharge(context);
  if (config === undefined) return;
  const { attempt } = ledger.journal;
  const unpackedIn = attempt?.config.hash === config.hash ? (attempt.unpackedIn ?? '') : '';
  if (usableRelease(paths.unpacked, config.hash, unpackedIn) !== undefined)
    host.start(config, rootOf(paths.unpacked, config).root);
  else log.error({ hash: config.hash }, 'the release that should run is gone; it is fetched again');
}

/** Where state.json is damaged, the journal alone decides: the damage keeps the host from deploying, not from running what it has. */
function releaseInCharge({ ledger, paths, log }: AgentContext): AgentConfig | undefined {
  const { journal } = ledger;
  try {
    const lastGood = readState(paths.state);
    const live = liveRelease(journal, lastGood);
    return inCharge(live) ?? lastGood ?? live?.config;
  } catch (error) {
    if (!(error instanceof DamagedState)) throw error;
    log.error({ err: describeError(error) }, 'the program is started from what the journal says is live');
    return inCharge(journal.live) ?? journal.proven?.[0];
  }
}

function inCharge(live: Live | undefined): AgentConfig | undefined {
  return live?.how === 'activated' || live?.how === 'proven' ? live.config : undefined;
}
