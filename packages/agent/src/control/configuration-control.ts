import { DeployError } from '@deploy-tools/shared/errors.js';
import { stateReportJson } from '@deploy-tools/shared/report/encode-agent-line.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { AgentContext } from '../agent-context.js';
import { wayBackByHand } from '../deploy/release-before.js';
import type { Wanted } from '../deploy/wanted-view.js';
import { readState } from '../state-file.js';
import type { ControlCommand, ControlRequest } from './control-line.js';

/** One configuration of the agent, as somebody on the host sees it. */
export interface Controlled {
  readonly context: Pick<AgentContext, 'ledger' | 'pause' | 'paths' | 'log'>;
  readonly present: () => StateReport;
  /** What the registry wanted when it last answered. */
  readonly wanted: () => Wanted | undefined;
  /** Has the registry looked at now. */
  readonly nudge: () => void;
}

/**
 * Does what was asked, for the configuration that was named or for each.
 * @returns one object a configuration: how it is now, with `Wanted`, `WantedAt`, `Paused` and, except for status, `Answer`.
 * @throws DeployError not-found, usage, in-use, conflict.
 */
export function answerControl(
  configs: ReadonlyMap<string, Controlled>,
  { command, name }: ControlRequest,
): object[] {
  return chosen(configs, command, name).map((config) => {
    const answer = ACTIONS[command](config);
    const { log: _, ...report } = config.present();
    const wanted = config.wanted();
    return {
      ...stateReportJson(report),
      Wanted: wanted && { Revision: wanted.config.revision, Hash: wanted.config.hash },
      WantedAt: wanted?.at.toISOString(),
      Paused: config.context.pause.paused,
      Answer: answer,
    };
  });
}

function chosen(
  configs: ReadonlyMap<string, Controlled>,
  command: ControlCommand,
  name: string | undefined,
): readonly Controlled[] {
  const followed = `it follows ${[...configs.keys()].join(', ')}`;
  if (name === undefined) {
    if (command === 'rollback' && configs.size > 1)
      throw new DeployError('usage', 'say which configuration is to be gone back from', {
        hint: `name it with -name: ${followed}`,
      });
    return [...configs.values()];
  }
  const config = configs.get(name);
  if (config !== undefined) return [config];
  throw new DeployError('not-found', `this agent does not follow "${name}"`, { hint: followed });
}

/** Each answers in a sentence; the work itself is the agent's loop's. */
const ACTIONS: Readonly<Record<ControlCommand, (config: Controlled) => string | undefined>> = {
  status: () => undefined,
  check: ({ nudge, context }) => {
    nudge();
    return context.pause.paused
      ? 'looking at the registry; nothing is deployed while paused'
      : 'looking at the registry';
  },
  retry: ({ nudge, context }) => {
    if (!context.ledger.retry()) return 'nothing is held back';
    nudge();
    context.log.info('somebody on this host says: try again');
    return context.pause.paused ? 'tried again once resumed' : 'trying again';
  },
  pause: ({ nudge, context }) => {
    if (!context.pause.set(true)) return 'was paused already';
    nudge();
    context.log.warn('paused by somebody on this host');
    return context.ledger.inFlight === undefined ? 'paused' : 'paused after what is in progress';
  },
  resume: ({ nudge, context }) => {
    if (!context.pause.set(false)) return 'was not paused';
    nudge();
    context.log.warn('resumed by somebody on this host');
    return 'resumed';
  },
  rollback: ({ nudge, context }) => {
    const { ledger, paths, pause, log } = context;
    const inFlight = ledger.inFlight !== undefined;
    const { from, to } = wayBackByHand(ledger.journal, inFlight, readState(paths.state));
    pause.lift();
    ledger.goBack(from, to);
    nudge();
    log.warn({ from: from.hash, to: to.hash }, 'somebody on this host says: go back');
    return `going back to ${to.revision === undefined ? to.hash.slice(0, 12) : `revision ${to.revision}`}`;
  },
};
