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

/** What a host knows of a configuration. */
export interface HostView {
  readonly config: string;
  readonly journal: Journal;
  /** What state.json holds. */
  readonly lastGood: AgentConfig | undefined;
  /** What the registry wanted when it was last looked at. */
  readonly wanted: AgentConfig | undefined;
  /** An operator on the host said to wait, and nothing is in progress. */
  readonly paused: boolean;
  /** Who said so, also while something is in progress. */
  readonly pause?: PauseNote | undefined;
  /** The supervised program keeps on ending by itself. */
  readonly crash?: ProgramCrash | undefined;
  /** What the last look or attempt failed with, whether or not the journal could be written. */
  readonly trouble?: Pick<DeployError, 'kind' | 'message'> | undefined;
  readonly facts: Pick<AttemptFacts, 'timings' | 'bytes' | 'progress' | 'log' | 'failing' | 'waiting'>;
}

/** How far the configuration is on this host, in one line of exec report. Pure. */
export function presentReport(view: HostView): StateReport {
  const { crash, pause } = view;
  const report = withoutUndefined({ ...troubled(deployReport(view), view), pause });
  if (crash === undefined || !['healthy', 'skipped', 'paused'].includes(report.state)) return report;
  const { config, running, lastGood } = report;
  const { message, log } = crash;
  const error = { kind: 'unhealthy', message };
  // It is no outcome of a deploy, and without a time nothing that is said later is taken for something earlier.
  const where = { config, running, lastGood, pause, ...releaseOf(view.wanted ?? view.lastGood) };
  return withoutUndefined({ ...where, state: 'failed' as const, error, log });
}

/** Where nothing says why the host does not do what is wanted, as when its disk is too full for the journal. */
function troubled(report: StateReport, { trouble }: HostView): StateReport {
  if (trouble === undefined || report.error !== undefined || !isUndone(report.state)) return report;
  const { kind, message } = trouble;
  return { ...report, error: { kind, message } };
}

/** Neither is there what is wanted, nor has it failed. */
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

/** It goes on whatever is wanted by now, until it ends; one of which nothing was done yet does not. */
function isUnderWay({ step }: Attempt): boolean {
  return step !== 'pending' && !isOver(step);
}

/** Where no attempt is about what is wanted. */
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
  const why = postponed === undefined ? (error ?? unproven(step, facts)) : backError(attempt, postponed);
  if (waiting === undefined || isOver(step)) return why;
  return why === undefined
    ? { kind: 'locked', message: waiting }
    : { ...why, message: `${why.message}; ${waiting}` };
}

/** Why the release failed, and what keeps the host from rolling back. */
function backError({ error }: Attempt, postponed: PostponedRollback): StateReport['error'] {
  const { kind = 'unhealthy', message = 'the release failed' } = error ?? {};
  return { kind, message: describePostponed(message, postponed) };
}

/** What a release that is being proven does not pass at the moment. */
function unproven(step: Attempt['step'], { failing }: HostView['facts']): StateReport['error'] {
  const isProven = step === 'activating' || step === 'validating';
  return isProven && failing !== undefined ? { kind: 'unhealthy', message: failing } : undefined;
}

function releaseOf(config: AgentConfig | undefined): Release | undefined {
  if (config === undefined) return undefined;
  const { hash, revision } = config;
  return revision === undefined ? { hash } : { hash, revision };
}
