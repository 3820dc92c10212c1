import type { AgentContext } from '../agent-context.js';
import { usableRelease } from '../release-directory.js';
import { readState } from '../state-file.js';
import { rootOf } from './deploy-roots.js';
import { liveRelease } from './journal.js';
import { startProgram } from './switch-program.js';

/** Starts the program of the release that was in charge of it: the one that is live, or that is proven where a script was cut off. */
export function takeUpProgram(context: AgentContext): void {
  const { paths, ledger, log, program } = context;
  const lastGood = readState(paths.state);
  const live = liveRelease(ledger.journal, lastGood);
  const isInCharge = live?.how === 'activated' || live?.how === 'proven';
  const config = isInCharge ? live.config : (lastGood ?? live?.config);
  if (config === undefined || program === undefined) return;
  const { attempt } = ledger.journal;
  const unpackedIn = attempt?.config.hash === config.hash ? (attempt.unpackedIn ?? '') : '';
  if (usableRelease(paths.unpacked, config.hash, unpackedIn) !== undefined)
    startProgram(context, config, rootOf(paths.unpacked, config));
  else log.error({ hash: config.hash }, 'the release that should run is gone; it is fetched again');
}
