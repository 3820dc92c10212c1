import type { AgentContext } from '../deploy/agent-context.js';
import { resumptionOf } from '../deploy/deploy-step.js';
import { resolve } from '../deploy/resolve-wanted.js';
import type { OpenUpstream } from '../deploy/roll-back-attempt.js';
import { isWithoutRegistry } from '../deploy/upstream.js';
import type { Pushes } from './pushes.js';

/** How often it is seen to that there is a connection. */
const LOOK_MS = 5000;
/** An agent that goes on with what was cut off waits so long, at the most, to hear what is wanted now. */
const FIRST_WORD_MS = 5000;

export interface Touch {
  readonly open: OpenUpstream;
  readonly pushes: Pushes;
  /** Between two questions where the registry does not tell by itself, in milliseconds. */
  readonly pollMs: number;
  /** How long to wait after a connection that could not be made. */
  readonly redialMs: () => number;
}

/**
 * While a deployment goes on: from its activation on a lost connection is made again, since the host reports over it and hears
 * what is wanted; where the registry does not tell, it is asked at each poll.
 * @returns what ends that.
 */
export function keepInTouch(context: AgentContext, touch: Touch): () => void {
  const stop = new AbortController();
  void keepAsking(context, touch, stop.signal);
  return () => stop.abort();
}

async function keepAsking(context: AgentContext, touch: Touch, stop: AbortSignal): Promise<void> {
  const { timers } = context;
  let due = timers.now() + touch.pollMs;
  while (!stop.aborted) {
    let pause = Math.min(LOOK_MS, touch.pollMs);
    try {
      const asks = !touch.pushes.working && timers.now() >= due;
      if (asks) {
        const wanted = await wantedHash(context, touch.open, stop);
        if (wanted !== undefined) touch.pushes.told(wanted); // a source is looked at between deployments only
        due = timers.now() + touch.pollMs;
      } else if (isLive(context)) await touch.open();
    } catch {
      pause = touch.redialMs(); // whoever needs the connection meets it too, and says so
    }
    await timers.sleep(pause, stop).catch(() => undefined); // aborted: the loop ends
  }
}

/**
 * What the registry wants now, asked before what was cut off is gone on with.
 * @returns a hash; undefined where nothing is to be asked, or the registry does not answer at once.
 */
export async function wantedFirst(context: AgentContext, open: OpenUpstream): Promise<string | undefined> {
  if (!isLive(context)) return undefined;
  const late = new AbortController();
  const { timers } = context;
  try {
    return await Promise.race([
      wantedHash(context, open, late.signal).catch(() => undefined),
      timers.sleep(FIRST_WORD_MS, late.signal).then(
        () => undefined,
        () => undefined,
      ),
    ]);
  } finally {
    late.abort();
  }
}

async function wantedHash(
  { looks, settings }: AgentContext,
  open: OpenUpstream,
  stop: AbortSignal,
): Promise<string | undefined> {
  const upstream = await open();
  if (isWithoutRegistry(upstream)) return undefined;
  return (await looks.take(() => resolve(upstream.first, settings.name), stop)).hash;
}

/** A release is live that is not proven yet, and is not gone back from. */
function isLive({ ledger }: AgentContext): boolean {
  const step = ledger.inFlight?.step;
  const what = step === undefined ? 'nothing' : resumptionOf(step);
  return what === 'activate' || what === 'validate';
}
