import { DeployError } from '@deploy-tools/shared/errors.js';
import { withoutUndefined } from '@deploy-tools/shared/json/json-schemas.js';
import { stateReportJson } from '@deploy-tools/shared/report/agent-line.js';
import { pauseText } from '@deploy-tools/shared/report/pause-note.js';
import type { StateReport } from '@deploy-tools/shared/report/report.js';
import type { AgentContext } from '../../deploy/agent-context.js';
import { cancelAttempt, releaseToRepeat, retryHeld, rollbackByHand } from '../../deploy/operator-requests.js';
import { readState } from '../../deploy/state-file.js';
import type { LinkState } from '../../deploy/upstream.js';
import type { Wanted } from '../../deploy/wanted-view.js';
import type { LoopControl } from '../../deploy/wishes.js';
import type { ControlCommand, ControlRequest } from './control-line.js';

/** One configuration of the agent, for the control socket. */
export interface Controlled {
  readonly context: Pick<AgentContext, 'ledger' | 'pause' | 'paths' | 'log'>;
  readonly present: () => StateReport;
  readonly wanted: () => Wanted | undefined;
  /** Absent for an agent without a registry. */
  readonly registry?: () => LinkState;
  readonly loop: LoopControl;
}

/**
 * Runs a command for the named configuration, or for each.
 * @returns an object for each: its report with `Wanted`, `WantedAt`, `Paused`, `Registry` and, except for status, `Answer`.
 * @throws DeployError not-found, usage, in-use, conflict.
 */
export function answerControl(configs: ReadonlyMap<string, Controlled>, request: ControlRequest): object[] {
  const { command, name } = request;
  return chosen(configs, command, name).map((config) => {
    const answer = ACTIONS[command](config, request);
    const { log: _, ...report } = config.present();
    const wanted = config.wanted();
    const registry = config.registry?.();
    return {
      ...stateReportJson(report),
      Wanted: wanted && { Revision: wanted.config.revision, Hash: wanted.config.hash },
      WantedAt: wanted?.at.toISOString(),
      Paused: config.context.pause.paused,
      Registry: registry && linkJson(registry),
      Answer: answer,
    };
  });
}

function linkJson({ isConnected, since, error }: LinkState): object {
  return { Connected: isConnected, Since: since?.toISOString(), Error: error };
}

/** These need -name where the agent follows several configurations. */
const ONE_AT_A_TIME: readonly ControlCommand[] = ['rollback', 'redeploy'];

function chosen(
  configs: ReadonlyMap<string, Controlled>,
  command: ControlCommand,
  name: string | undefined,
): readonly Controlled[] {
  const followed = `it follows ${[...configs.keys()].join(', ')}`;
  if (name === undefined) {
    if (ONE_AT_A_TIME.includes(command) && configs.size > 1)
      throw new DeployError('usage', 'say which configuration is meant', {
        hint: `name it with -name: ${followed}`,
      });
    return [...configs.values()];
  }
  const config = configs.get(name);
  if (config !== undefined) return [config];
  throw new DeployError('not-found', `this agent does not follow "${name}"`, { hint: followed });
}

function onThisHost(by: string | undefined): string {
  return by === undefined ? 'somebody on the host' : `${by} on the host`;
}

/** Asks the agent's loop for the work. @returns the answer, a sentence. */
type Action = (config: Controlled, asked: Pick<ControlRequest, 'by' | 'reason'>) => string | undefined;

const ACTIONS: Readonly<Record<ControlCommand, Action>> = {
  status: () => undefined,
  check: ({ loop, context }) => {
    loop.nudge();
    const { inFlight } = context.ledger;
    if (inFlight !== undefined) return `${inFlight.step}: the registry is polled after that`;
    return context.pause.paused
      ? 'polling the registry; nothing is deployed while paused'
      : 'polling the registry';
  },
  retry: ({ loop, context }, { by }) => retryHeld(context, loop, onThisHost(by)),
  redeploy: ({ loop, context, wanted }, { by }) => {
    const { ledger, paths, pause, log } = context;
    const { hash, revision } = releaseToRepeat(ledger, readState(paths.state), wanted()?.config);
    ledger.deployAgain(hash);
    loop.nudge();
    log.info({ hash, by }, 'redeployment requested on this host');
    if (pause.paused) return 'deployed again once resumed';
    return `deploying ${revision === undefined ? hash.slice(0, 12) : `revision ${revision}`} again`;
  },
  cancel: ({ loop, context }, { by }) => {
    const answer = cancelAttempt(context, loop, onThisHost(by));
    loop.nudge();
    return answer;
  },
  pause: ({ loop, context }, { by, reason }) => {
    const { pause } = context;
    const note = withoutUndefined({ by, since: new Date().toISOString(), reason });
    if (!pause.begin(note)) return `was paused already: ${pauseText(pause.note ?? note)}`;
    loop.nudge();
    context.log.warn({ by, reason }, 'deployments paused on this host');
    return context.ledger.inFlight === undefined ? 'paused' : 'paused after what is in progress';
  },
  resume: ({ loop, context }, { by }) => {
    if (!context.pause.end()) return 'was not paused';
    loop.nudge();
    context.log.warn({ by }, 'deployments resumed on this host');
    return 'resumed';
  },
  rollback: ({ loop, context, wanted }, { by }) => {
    const { ledger, paths, pause, log } = context;
    if (ledger.inFlight !== undefined) {
      pause.lift();
      return cancelAttempt(context, loop, onThisHost(by));
    }
    const { from, to } = rollbackByHand(ledger.journal, readState(paths.state));
    pause.lift();
    ledger.rollBack({ from, to, by, wanted: wanted()?.config });
    loop.nudge();
    log.warn({ from: from.hash, to: to.hash, by }, 'rollback requested on this host');
    return `rolling back to ${to.revision === undefined ? to.hash.slice(0, 12) : `revision ${to.revision}`}`;
  },
};
