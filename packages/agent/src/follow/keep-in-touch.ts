import type { AgentContext } from '../deploy/agent-context.js';
import { resumptionOf } from '../deploy/deploy-step.js';
import type { Upstream } from '../deploy/upstream.js';
import type { Pushes } from './pushes.js';

/** How often the connection is checked. */
const CHECK_MS = 5000;
/** An agent that resumes a deployment waits so long, at the most, to hear what is wanted now. */
const FIRST_ANSWER_MS = 5000;

export interface Touch {
  readonly upstream: Upstream;
  readonly pushes: Pushes;
  /** Between two polls where the registry announces nothing, in milliseconds. */
  readonly pollMs: number;
}

/**
 * While a deployment is in progress: makes a lost connection again from the activation on, since the host reports over it and hears
 * what is wanted; polls where the registry does not announce changes.
 * @returns ends that.
 */
export function keepInTouch(context: AgentContext, touch: Touch): () => void {
  const stop = new AbortController();
  void keepAsking(context, touch, stop.signal);
  return () => stop.abort();
}

async function keepAsking(
  context: AgentContext,
  { upstream, pushes, pollMs }: Touch,
  stop: AbortSignal,
): Promise<void> {
  const { timers } = context;
  let due = timers.now() + pollMs;
  while (!stop.aborted) {
    let pause = Math.min(CHECK_MS, pollMs);
    try {
      const isDue = !pushes.working && timers.now() >= due;
      if (isDue) {
        const wanted = await upstream.wantedHash(stop);
        if (wanted !== undefined) pushes.announce(wanted);
        due = timers.now() + pollMs;
      } else if (isLive(context)) await upstream.reach();
    } catch {
      pause = upstream.redialMs(); // Whatever needs the connection meets the error too, and reports it.
    }
    await timers.sleep(pause, stop).catch(() => undefined); // Aborted: the loop ends.
  }
}

/**
 * Asks what is wanted now, before a deployment that was cut off is resumed.
 * @returns a hash; undefined where nothing is to be asked, or the registry does not answer at once.
 */
export async function askWantedFirst(context: AgentContext, upstream: Upstream): Promise<string | undefined> {
  if (!isLive(context)) return undefined;
  const late = new AbortController();
  const { timers } = context;
  try {
    return await Promise.race([
      upstream.wantedHash(late.signal).catch(() => undefined),
      timers.sleep(FIRST_ANSWER_MS, late.signal).then(
        () => undefined,
        () => undefined,
      ),
    ]);
  } finally {
    late.abort();
  }
}

/** Whether a release is live that is not proven yet, and is not being rolled back. */
function isLive({ ledger }: AgentContext): boolean {
  const step = ledger.inFlight?.step;
  const what = step === undefined ? 'nothing' : resumptionOf(step);
  return what === 'activate' || what === 'validate';
}
