import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { DeployError } from '@deploy-tools/shared/errors.js';
import { withoutUndefined } from '@deploy-tools/shared/json/json-schemas.js';
import type { DeployState } from '@deploy-tools/shared/report/deploy-state.js';
import type { PauseNote } from '@deploy-tools/shared/report/pause-note.js';
import type { Release, StateReport } from '@deploy-tools/shared/report/report.js';
import type { AttemptFacts } from '../../deploy/attempt-facts.js';
import { DEPLOY_STEPS, isOver } from '../../deploy/deploy-step.js';
import type { Hold } from '../../deploy/hold.js';
import {
  type Attempt,
  isSettled,
  type Journal,
  type PostponedRollback,
  runningRelease,
} from '../../deploy/journal.js';
import { describePostponed } from '../../deploy/postponed-rollback.js';
import type { ProgramCrash } from '../../process/supervise/open-program.js';

/** The state of a configuration on this host, from which its report is made. */
export interface HostView {
  readonly config: string;
  readonly journal: Journal;
  /** The content of state.json. */
  readonly lastGood: AgentConfig | undefined;
  /** By the last poll. */
  readonly wanted: AgentConfig | undefined;
  /** The pause is in effect: nothing is in progress. */
  readonly paused: boolean;
  /** The operator's pause, even before it is in effect. */
  readonly pause?: PauseNote | undefined;
  /** The repeated crash of the supervised program. */
  readonly crash?: ProgramCrash | undefined;
  /** The error of the last poll or attempt, even if the journal could not be written. */
  readonly trouble?: Pick<DeployError, 'kind' | 'message'> | undefined;
  readonly facts: Pick<AttemptFacts, 'timings' | 'bytes' | 'progress' | 'log' | 'failing' | 'waiting'>;
}

/** Makes the report of a configuration. Pure. */
export function presentReport(view: HostView): StateReport {
  const { crash, pause } = view;
  const report = withoutUndefined({ ...troubled(deployReport(view), view), pause });
  if (crash === undefined || !['healthy', 'skipped', 'paused'].includes(report.state)) return report;
  const { config, running, lastGood } = report;
  const { message, log } = crash;
  const error = { kind: 'unhealthy', message };
  // A crash is no outcome of an attempt. It has no time, so that no later report counts as an earlier one.
  const where = { config, running, lastGood, pause, ...releaseOf(view.wanted ?? view.lastGood) };
  return withoutUndefined({ ...where, state: 'failed' as const, error, log });
}

/** Adds the host's trouble to a report that has no error, such as a disk that is too full for the journal. */
function troubled(report: StateReport, { trouble }: HostView): StateReport {
  if (trouble === undefined || report.error !== undefined || !isUndone(report.state)) return report;
  const { kind, message } = trouble;
  return { ...report, error: { kind, message } };
}

/** Whether the wanted release neither runs nor has failed. */
function isUndone(state: DeployState): boolean {
  const step = DEPLOY_STEPS.find((known) => known === state);
  return step !== undefined && !isOver(step);
}

function deployReport(view: HostView): StateReport {
  const { config, journal, lastGood, wanted } = view;
  const running = releaseOf(runningRelease(journal, lastGood));
  const where = { config, running, lastGood: releaseOf(lastGood) };
  const { attempt } = journal;
  const target = wanted ?? lastGood;
  if (view.paused) return withoutUndefined({ ...where, state: 'paused' as const, ...releaseOf(target) });
  const isAbout = wanted === undefined || attempt?.config.hash === wanted.hash;
  if (attempt !== undefined && (isAbout || isUnderWay(attempt)))
    return withoutUndefined({ ...where, ...attemptReport(view, attempt) });
  return withoutUndefined({ ...where, state: restingState(view), ...releaseOf(target) });
}

/** Whether an attempt is in progress: then it goes on, whatever is wanted by now. */
function isUnderWay({ step }: Attempt): boolean {
  return step !== 'pending' && !isOver(step);
}

/** The state of a configuration without an attempt at the wanted release. */
function restingState({ journal, lastGood, wanted }: HostView): DeployState {
  if (lastGood === undefined || !isSettled(journal)) return 'pending';
  if (wanted === undefined) return 'healthy';
  return wanted.hash === lastGood.hash ? 'skipped' : 'pending';
}

function attemptReport({ journal, facts }: HostView, attempt: Attempt): Omit<StateReport, 'config'> {
  const { deploy, step, since, reason, number, config, postponed } = attempt;
  const { hold } = journal;
  const isVetoed = step === 'pending' && hold?.why === 'vetoed' && hold.hash === config.hash;
  const log = facts.log.lines();
  const lasts = !isOver(step);
  const isHeld = (isVetoed || !lasts) && hold?.hash === config.hash;
  return {
    state: isVetoed ? 'vetoed' : step,
    reason,
    ...releaseOf(config),
    attempt: number,
    deploy,
    since,
    progress: step === 'fetching' ? facts.progress : undefined,
    error: isVetoed ? vetoOf(hold) : troubleOf(attempt, facts),
    log: log.length === 0 || (lasts && !isVetoed && step !== 'rolling-back') ? undefined : log,
    timings: Object.keys(facts.timings).length === 0 ? undefined : facts.timings,
    bytes: facts.bytes.fetched + facts.bytes.reused === 0 ? undefined : facts.bytes,
    notBefore: postponed?.notBefore ?? (isHeld ? hold.notBefore : undefined),
  } as Omit<StateReport, 'config'>;
}

function vetoOf({ reason }: Hold): StateReport['error'] {
  return reason === undefined ? undefined : { kind: 'script', message: reason };
}

function troubleOf(attempt: Attempt, facts: HostView['facts']): StateReport['error'] {
  const { error, postponed, step } = attempt;
  const { waiting } = facts;
  const why = postponed === undefined ? (error ?? unproven(step, facts)) : rollbackError(attempt, postponed);
  if (waiting === undefined || isOver(step)) return why;
  return why === undefined
    ? { kind: 'locked', message: waiting }
    : { ...why, message: `${why.message}; ${waiting}` };
}

/** Why the release failed, and why the rollback has failed so far. */
function rollbackError({ error }: Attempt, postponed: PostponedRollback): StateReport['error'] {
  const { kind = 'unhealthy', message = 'the release failed' } = error ?? {};
  return { kind, message: describePostponed(message, postponed) };
}

/** The failing check of a release that is being proven. */
function unproven(step: Attempt['step'], { failing }: HostView['facts']): StateReport['error'] {
  const isProven = step === 'activating' || step === 'validating';
  return isProven && failing !== undefined ? { kind: 'unhealthy', message: failing } : undefined;
}

function releaseOf(config: AgentConfig | undefined): Release | undefined {
  if (config === undefined) return undefined;
  const { hash, revision } = config;
  return revision === undefined ? { hash } : { hash, revision };
}
