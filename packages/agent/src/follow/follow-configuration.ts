import {
  type DeployError,
  describeError,
  type ErrorKind,
  exitCodeOf,
  toDeployError,
} from '@deploy-tools/shared/errors.js';
import type { AgentContext } from '../deploy/agent-context.js';
import { Superseded } from '../deploy/called-off.js';
import { cycle, recover, resume } from '../deploy/cycle.js';
import type { Hold } from '../deploy/hold.js';
import { leaveUnproven } from '../deploy/leave-unproven.js';
import type { Outcome } from '../deploy/outcome.js';
import type { OpenUpstream } from '../deploy/roll-back-attempt.js';
import { DamagedState } from '../deploy/state-file.js';
import { isWithoutRegistry, type Releases } from '../deploy/upstream.js';
import { keepInTouch, wantedFirst } from './keep-in-touch.js';
import type { Pushes } from './pushes.js';
import { Redials } from './redials.js';
import type { Link } from './registry-link.js';
import { RepeatedError } from './repeated-error.js';

/** How often the registry is polled at the most while it tells of changes by itself. */
const SHORTEST_PUSHED_POLL_MS = 5 * 60_000;

export interface AgentLoop {
  readonly pollMs: number;
  /** One cycle only; its outcome is the exit status. */
  readonly once: boolean;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

/**
 * Follows the configuration until the signal: looks when the registry tells of a change, and at each poll. What fails
 * is logged and looked at again at the next poll, or sooner when only the connection failed.
 * @returns the exit status: 0; with `once` 0 deployed or current, 1 failed or stopped before, 4 not connected.
 */
export async function runAgent(
  host: AgentContext,
  link: Link | Releases,
  pushes: Pushes,
  loop: AgentLoop,
): Promise<number> {
  const context: AgentContext = { ...host, wishes: pushes };
  const { signal } = context;
  const redials = new Redials(loop, context.timers);
  const errors = new RepeatedError();
  let told = '';
  const close = (why: ErrorKind) => {
    redials.closed();
    if (!isWithoutRegistry(link)) link.close(why);
  };
  signal.addEventListener('abort', () => close('cancelled'), { once: true });
  if (!(await recovered(context))) return loop.once ? 1 : 0;
  while (!signal.aborted) {
    let pause = jittered(loop.pollMs, loop.random);
    let seen: string | undefined;
    try {
      const outcome = await looked(context, opening(link, redials), { pushes, redials, loop });
      context.onTrouble(undefined);
      errors.clear();
      told = describeOutcome(context, outcome, told);
      if (loop.once && outcome.kind === 'current')
        context.log.info({ hash: outcome.hash }, 'current: there is nothing to do');
      if (loop.once) return outcome.kind === 'waiting' ? 1 : 0;
      seen = outcome.hash;
      pause = pauseAfter(outcome, pushes, loop);
    } catch (thrown) {
      const error = toDeployError(thrown);
      if (error.kind === 'cancelled' || (signal.aborted && error.kind === 'connect')) break;
      report(context, error, errors);
      if (!isTold(context, error)) context.onTrouble(error);
      if (loop.once) return exitCodeOf(error);
      if (isOfConnection(error)) close(error.kind);
      const patience = isWithoutRegistry(link) ? link.patience() : undefined;
      if (patience !== undefined) pause = patience;
      else if (error.kind === 'connect') {
        await pushes.sleep(redials.next(), signal);
        continue;
      }
    }
    if ((await pushes.wait(pause, seen, signal)) === 'lost') {
      close('connect');
      await pushes.sleep(redials.next(), signal);
    }
  }
  return loop.once ? 1 : 0;
}

/** One look, with what an agent before this one left to be done; meanwhile the registry is kept in touch with. */
async function looked(
  context: AgentContext,
  open: OpenUpstream,
  { pushes, redials, loop }: { pushes: Pushes; redials: Redials; loop: AgentLoop },
): Promise<Outcome> {
  const touch = { open, pushes, pollMs: loop.pollMs, redialMs: () => redials.next() };
  const leave = loop.once ? () => {} : keepInTouch(context, touch);
  try {
    await resumed(context, open, loop.once);
    const outcome = await cycle(context, await open(), loop.once);
    if (outcome.kind === 'waiting') await leaveUnproven(context, open);
    return outcome;
  } catch (thrown) {
    const error = toDeployError(thrown);
    if (!(error instanceof Superseded)) await leaveUnproven(context, open, error);
    throw thrown;
  } finally {
    leave();
  }
}

function opening(link: Link | Releases, redials: Redials): OpenUpstream {
  if (isWithoutRegistry(link)) return async () => link;
  return async () => {
    const first = await link.sftp();
    redials.connected();
    return { first, own: () => link.own(), another: () => link.another() };
  };
}

/**
 * Ends what an agent before this one began. That it failed is told, and is no reason not to look at what is wanted now.
 * @throws what has to be waited for, or what leaves the attempt as it was.
 */
async function resumed(context: AgentContext, open: OpenUpstream, once: boolean): Promise<void> {
  try {
    await resume(context, open, { wanted: await wantedFirst(context, open), impatient: once });
  } catch (thrown) {
    const error = toDeployError(thrown);
    if (
      (once && !(error instanceof Superseded)) ||
      error.kind === 'cancelled' ||
      context.ledger.inFlight !== undefined
    )
      throw thrown;
    report(context, error);
  }
}

/** @returns false when the agent was to stop before it was done. */
async function recovered(context: AgentContext): Promise<boolean> {
  try {
    await recover(context);
    return true;
  } catch (thrown) {
    if (!context.signal.aborted) throw thrown;
    return false;
  }
}

/** Polls are rare while pushes work, but for the one that finds a deployment done. */
function pauseAfter(outcome: Outcome, pushes: Pushes, { pollMs, random }: AgentLoop): number {
  const rare = pushes.working && outcome.kind !== 'deployed';
  const pause = jittered(rare ? Math.max(pollMs, SHORTEST_PUSHED_POLL_MS) : pollMs, random);
  return outcome.kind === 'waiting' ? Math.min(pause, outcome.ms) : pause;
}

/** Within a tenth around the interval, so that agents started together drift apart. */
function jittered(ms: number, random: () => number): number {
  return ms * (0.9 + 0.2 * random());
}

/**
 * What keeps this host from what is wanted is said aloud once: when it begins, and by an agent that is started anew.
 * @param told what was said last. @returns what is said now.
 */
function describeOutcome({ log, ledger, pause }: AgentContext, outcome: Outcome, told: string): string {
  const { hash } = outcome;
  if (outcome.kind === 'current') log.debug({ hash }, 'nothing new');
  if (outcome.kind !== 'waiting') return '';
  const { hold } = ledger.journal;
  if (ledger.inFlight?.step === 'rolling-back') return ''; // that it is tried again was said
  const why = pause.paused ? 'paused' : outcome.isDelayed ? 'delayed' : hold?.why;
  const seconds = Number.isFinite(outcome.ms) ? Math.ceil(outcome.ms / 1000) : undefined;
  const words = waitingFor(why);
  const retry = why === 'rejected' || why === 'withdrawn' ? 'deploy-agent ctl retry' : undefined;
  const saying = `${hash} ${words} ${hold?.notBefore}`;
  log[saying === told ? 'debug' : 'info']({ hash, seconds, retry, pause: pause.note }, words);
  return saying;
}

function waitingFor(why: Hold['why'] | 'paused' | 'delayed' | undefined): string {
  if (why === 'paused') return 'paused by an operator on this host, waiting';
  if (why === 'delayed') return 'the random delay is not over, waiting';
  if (why === 'withdrawn') return 'gone back from by an operator on this host, waiting';
  return why === 'vetoed' ? 'not now, waiting' : 'failed before, waiting';
}

/** Whether another connection may do better. */
function isOfConnection(error: DeployError): boolean {
  return ['connect', 'auth', 'corrupt'].includes(error.kind) && !(error instanceof DamagedState);
}

/** A lost connection shows by itself, and another wish is none; what an attempt failed for is in the journal, where that could be written. */
function isTold({ ledger }: AgentContext, error: DeployError): boolean {
  const { kind, message } = error;
  return (
    kind === 'connect' || error instanceof Superseded || ledger.journal.attempt?.error?.message === message
  );
}

/** @param errors of the loop: what is none of an attempt is told ever less often. */
function report(context: AgentContext, error: DeployError, errors?: RepeatedError): void {
  if (error instanceof Superseded) {
    context.log.info({ wanted: error.by }, describeError(error));
    return;
  }
  const { kind, message } = error;
  const isOfAttempt = context.ledger.journal.attempt?.error?.message === message;
  const isDue = isOfAttempt || errors === undefined || errors.isDue(message);
  const times = errors !== undefined && !isOfAttempt && errors.count > 1 ? errors.count : undefined;
  context.log[isDue ? 'error' : 'debug']({ kind, times }, describeError(error));
  if (error.kind === 'internal') context.log.error({ err: error.cause ?? error }, 'unexpected error');
}
