import { formatDuration } from '@deploy-tools/shared/duration.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { eitherSignal } from '../../host/either-signal.js';
import type { Timers } from '../../host/timers.js';
import { type CheckAnswer, type CheckContext, describeCheck, type HealthCheck } from './health-check.js';
import { runCheck } from './run-check.js';

export interface HealthTimes {
  /** How long all checks have to pass without a break. */
  readonly minHealthyMs: number;
  /** A release that is not healthy by then has failed; counted from the call. */
  readonly deadlineMs: number;
  /** Failures in a row of one check that end the proof at once; 0 for none. */
  readonly unhealthyAfter: number;
  /** Between two rounds of all checks. */
  readonly intervalMs: number;
}

export interface HealthProof extends HealthTimes, CheckContext {
  /** May be empty: then the program only has to live for `minHealthyMs`. */
  readonly checks: readonly HealthCheck[];
  readonly timers: Timers;
  readonly signal: AbortSignal;
  /** Aborted when the supervised program ends, with a DeployError as its reason, which ends the proof. */
  readonly died?: AbortSignal | undefined;
  /** Gets every answer; `changed` when its status differs from the same check's last one. */
  readonly onAnswer?: (answer: CheckAnswer, changed: boolean) => void;
}

/**
 * Resolves when all checks have passed without a break for `minHealthyMs`. They run in rounds, all at the same time. A critical
 * answer begins the count anew; a check that is critical too often in a row ends the proof.
 * @throws DeployError unhealthy, naming the check and its last answer; the reason of `died`; AbortError.
 */
export async function proveHealthy(proof: HealthProof): Promise<void> {
  const { timers, died } = proof;
  const stop = eitherSignal(proof.signal, died);
  const end = timers.now() + proof.deadlineMs;
  const histories = new Map(
    proof.checks.map((check) => [check, new CheckHistory(timers.now(), proof.intervalMs)]),
  );
  let since: number | undefined;
  let worst: CheckAnswer | undefined;
  try {
    for (;;) {
      const began = timers.now();
      if (began >= end) throw notHealthy(proof, worst, since !== undefined);
      const failed = await askAll({ ...proof, signal: stop.signal }, end - began, histories);
      const now = timers.now();
      if (failed !== undefined && now < end) endAfterFailures(proof, failed, histories);
      if (failed === undefined) since ??= proof.checks.length === 0 ? began : now;
      else [worst, since] = [lastWord(worst, failed, end - began), undefined];
      if (since !== undefined && now - since >= proof.minHealthyMs) return;
      const left = since === undefined ? proof.intervalMs : since + proof.minHealthyMs - now;
      await timers.sleep(Math.max(0, Math.min(proof.intervalMs, left, end - now)), stop.signal);
    }
  } catch (error) {
    proof.signal.throwIfAborted();
    if (died?.aborted === true) throw died.reason;
    throw error;
  } finally {
    stop.clear();
  }
}

/** @returns the check that was critical most often in a row, the first of several. */
async function askAll(
  proof: HealthProof,
  leftMs: number,
  histories: ReadonlyMap<HealthCheck, CheckHistory>,
): Promise<CheckAnswer | undefined> {
  const { signal } = proof;
  signal.throwIfAborted();
  const context = { ...proof, timeoutMs: Math.max(1, Math.min(proof.timeoutMs, leftMs)) };
  const ask = async (check: HealthCheck): Promise<CheckAnswer> => {
    const answer = await runCheck(check, context, signal);
    const changed = histories.get(check)?.take(answer, proof.timers.now()) ?? false;
    proof.onAnswer?.(answer, changed);
    return answer;
  };
  const answers = await Promise.all(proof.checks.map(ask));
  const failuresOf = ({ check }: CheckAnswer): number => histories.get(check)?.failures ?? 0;
  return answers
    .filter(({ status }) => status === 'critical')
    .sort((one, other) => failuresOf(other) - failuresOf(one))[0];
}

/** @throws DeployError unhealthy when this check has failed too often in a row. */
function endAfterFailures(
  { unhealthyAfter }: HealthProof,
  { check, answer }: CheckAnswer,
  histories: ReadonlyMap<HealthCheck, CheckHistory>,
): void {
  const failures = histories.get(check)?.failures ?? 0;
  if (unhealthyAfter === 0 || failures < unhealthyAfter) return;
  const often = failures === 1 ? 'once' : `${failures} times in a row`;
  throw new DeployError('unhealthy', `failed ${often}: ${describeCheck(check)}: ${answer}`, {
    hint: "the release's own log may say why; a program that starts slowly needs a higher -unhealthy-after",
  });
}

/** The answer to report: an earlier one is better than that of a check which the deadline cut off. */
function lastWord(before: CheckAnswer | undefined, failed: CheckAnswer, leftMs: number): CheckAnswer {
  const cutOff = failed.ms >= Math.floor(leftMs);
  return cutOff ? (before ?? failed) : failed;
}

function notHealthy(proof: HealthProof, worst: CheckAnswer | undefined, passing: boolean): DeployError {
  const [deadline, minimum] = [formatDuration(proof.deadlineMs), formatDuration(proof.minHealthyMs)];
  const last = worst === undefined ? '' : `: ${describeCheck(worst.check)}: ${worst.answer}`;
  return passing
    ? new DeployError(
        'unhealthy',
        `its checks passed, but never for ${minimum} in a row within ${deadline}${last}`,
        {
          hint: 'give it more time with -healthy-deadline, or ask for less with -min-healthy',
        },
      )
    : new DeployError('unhealthy', `not healthy within ${deadline}${last}`, {
        hint: "the release's own log may say why",
      });
}

class CheckHistory {
  readonly #intervalMs: number;
  #status: CheckAnswer['status'] | undefined;
  #failures = 0;
  #counted: number;

  /** @param began when the proof did. @param intervalMs between two failures that count. */
  constructor(began: number, intervalMs: number) {
    this.#counted = began;
    this.#intervalMs = intervalMs;
  }

  /** Failures in a row. Within the first interval none counts: a program that was just started has that time at least. */
  get failures(): number {
    return this.#failures;
  }

  /** @returns whether the status differs from the answer before. */
  take({ status }: CheckAnswer, now: number): boolean {
    const changed = this.#status !== status;
    this.#status = status;
    if (status !== 'critical') this.#failures = 0;
    else if (Math.ceil(now - this.#counted) >= this.#intervalMs) {
      this.#failures += 1; // timers may be early by less than a millisecond
      this.#counted = now;
    }
    return changed;
  }
}
