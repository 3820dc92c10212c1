import type { AgentContext } from '../deploy/agent-context.js';
import { resumptionOf } from '../deploy/deploy-step.js';
import type { Upstream } from '../deploy/upstream.js';
import type { Pushes } from './pushes.js';

/** Between two checks of the connection. */
const CHECK_MS = 5000;
/** The longest wait for an answer before a deployment is resumed. */
const FIRST_ANSWER_MS = 5000;

export interface Touch {
  readonly upstream: Upstream;
  readonly pushes: Pushes;
  /** Between two polls while the registry announces no changes. */
  readonly pollMs: number;
}

/**
 * Keeps the agent informed while a deployment is in progress: polls where the registry does not announce changes, and from the
 * activation on connects again after a loss.
 * @returns ends it.
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
      pause = upstream.redialMs(); // The next use of the connection reports the error.
    }
    await timers.sleep(pause, stop).catch(() => undefined); // Aborted: the loop ends.
  }
}

/**
 * Polls once before an interrupted deployment is resumed, because another release may be wanted by now.
 * @returns the wanted hash; undefined where no release is live, or the registry does not answer in time.
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

/** Whether the attempt in flight has a live, unproven release that is not being rolled back. */
function isLive({ ledger }: AgentContext): boolean {
  const step = ledger.inFlight?.step;
  const what = step === undefined ? 'nothing' : resumptionOf(step);
  return what === 'activate' || what === 'validate';
}
