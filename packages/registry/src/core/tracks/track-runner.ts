import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { pollDelayMs } from '@deploy-tools/sources/poll-delay.js';
import type { Track } from '../../meta/track-store.js';
import { timestamp } from '../clock.js';
import { SharedJobs } from '../shared-jobs.js';
import { type CheckReport, TrackCheck, type TrackCheckPorts, type WatchedSource } from './check-track.js';

/** Sources that are checked at the same time. */
const MAX_CHECKS_AT_ONCE = 4;
/** Time after a start within which all tracks are checked for the first time. */
const FIRST_ROUND_MS = 10_000;

export interface RunnerOptions extends TrackCheckPorts {
  /** Opens a track's source. @throws DeployError invalid, denied. */
  readonly open: (track: Track) => Promise<Omit<WatchedSource, 'listing'>>;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

/** When a track is checked. Times are RFC 3339 UTC. */
export interface TrackTimes {
  checked: string | undefined;
  next: string | undefined;
  /** Whether a check runs now. */
  checking: boolean;
}

/** The times of a track, and the state of its checks. */
interface TrackSchedule extends TrackTimes {
  timer: NodeJS.Timeout | undefined;
  /** The opened source with its listing; undefined before the first check, and after a change of the track. */
  source: WatchedSource | undefined;
  /** The number of failed checks in a row. */
  failures: number;
  /** Whether the track changed during a check, which has to be repeated. */
  again: boolean;
  /** The time before which the source wants no request; in milliseconds since 1970. */
  notBefore: number;
}

/** Checks the source of each track when it is due, once for the whole fleet. Failures are logged and stored with the track. */
export class TrackRunner {
  readonly #options: RunnerOptions;
  readonly #schedules = new Map<string, TrackSchedule>();
  readonly #checks: SharedJobs<CheckReport>;
  #stopped = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#checks = new SharedJobs({
      slots: MAX_CHECKS_AT_ONCE,
      work: (component, signal) => this.#check(component, signal),
      cancelled: () =>
        new DeployError('cancelled', 'the check of the source was stopped', { hint: 'try again' }),
    });
  }

  /** Plans the checks of all tracks that are stored. */
  async start(): Promise<void> {
    const followed = await this.#options.meta.read((tx) => tx.tracks.tracks());
    for (const { track } of followed) {
      this.#plan(track.component, Math.min(track.intervalMs, FIRST_ROUND_MS) * this.#options.random());
    }
  }

  /** Begins no more checks; resolves when none runs. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#schedules.values()) clearTimeout(timer);
    await this.#checks.stop();
  }

  /** Checks a track at once, because it was added or changed. */
  follow(component: string): void {
    const schedule = this.#scheduleOf(component);
    schedule.source = undefined;
    schedule.again = schedule.checking;
    if (!schedule.checking) this.#plan(component, 0);
  }

  /** Ends the checks of a track that was deleted. */
  forget(component: string): void {
    clearTimeout(this.#schedules.get(component)?.timer);
    this.#schedules.delete(component);
    this.#checks.cancel(component);
  }

  /** Checks now, or shares the check that runs. @throws DeployError not-found: no such track; the source's failure. */
  check(component: string): Promise<CheckReport> {
    const { notBefore } = this.#schedules.get(component) ?? UNPLANNED;
    if (notBefore > this.#now()) return Promise.reject(tooEarly(notBefore));
    return this.#checks.run(component, 'awaited');
  }

  times(component: string): TrackTimes {
    const { checked, next, checking } = this.#schedules.get(component) ?? UNPLANNED;
    return { checked, next, checking };
  }

  #scheduleOf(component: string): TrackSchedule {
    const schedule = this.#schedules.get(component) ?? { ...UNPLANNED };
    this.#schedules.set(component, schedule);
    return schedule;
  }

  #plan(component: string, ms: number): void {
    if (this.#stopped) return;
    const schedule = this.#scheduleOf(component);
    clearTimeout(schedule.timer);
    const now = this.#now();
    const delayMs = Math.max(ms, schedule.notBefore - now);
    schedule.next = new Date(now + delayMs).toISOString();
    schedule.timer = setTimeout(() => {
      this.#checks.run(component, 'soon').catch(() => undefined); // it was logged already
    }, delayMs).unref();
  }

  #now(): number {
    return this.#options.clock().getTime();
  }

  async #check(component: string, signal: AbortSignal): Promise<CheckReport> {
    const { meta, clock, open, random } = this.#options;
    const followed = await meta.read((tx) => tx.tracks.track(component));
    if (followed === undefined) {
      this.forget(component);
      throw noTrack(component);
    }
    const schedule = this.#scheduleOf(component);
    schedule.checking = true;
    try {
      schedule.source ??= { ...(await open(followed.track)), listing: undefined };
      const report = await new TrackCheck(this.#options, followed, signal).run(schedule.source);
      schedule.failures = 0;
      this.#plan(component, pollDelayMs(followed.track.intervalMs, { failures: 0 }, random()));
      return report;
    } catch (thrown) {
      const error = toDeployError(thrown);
      if (!signal.aborted) await this.#handleFailure(followed.track, schedule, error);
      throw error;
    } finally {
      schedule.checking = false;
      schedule.checked = timestamp(clock);
      if (schedule.again) this.#plan(component, 0);
      schedule.again = false;
    }
  }

  async #handleFailure(track: Track, schedule: TrackSchedule, error: DeployError): Promise<void> {
    const { meta, clock, log, random } = this.#options;
    const { component, intervalMs } = track;
    schedule.failures += 1;
    schedule.notBefore = this.#now() + (error.retryAfterMs ?? 0);
    const { failures } = schedule;
    const ms = pollDelayMs(intervalMs, { failures, retryAfterMs: error.retryAfterMs }, random());
    const message = describeError(error);
    log.warn(
      { component, failures, retrySeconds: Math.ceil(ms / 1000), err: message },
      'a source could not be followed',
    );
    if (error.kind === 'internal') log.error({ err: error.cause ?? error }, 'unexpected error');
    this.#plan(component, ms);
    await meta.write(async (tx) => {
      const progress = (await tx.tracks.track(component))?.progress;
      if (progress === undefined || progress.error?.message === message) return;
      const since = progress.error?.since ?? timestamp(clock);
      await tx.tracks.putProgress(component, { ...progress, error: { message, since } });
    });
  }
}

const UNPLANNED: Readonly<TrackSchedule> = {
  timer: undefined,
  source: undefined,
  failures: 0,
  checked: undefined,
  next: undefined,
  checking: false,
  again: false,
  notBefore: 0,
};

/** The error for a component without a track. */
export function noTrack(component: string): DeployError {
  return new DeployError('not-found', `component "${component}" follows no source`, {
    hint: 'tracks lists the followed sources, addtrack adds one',
  });
}

function tooEarly(notBefore: number): DeployError {
  const time = new Date(notBefore).toISOString();
  return new DeployError('connect', `the source asked for no request before ${time}`, {
    hint: 'the registry checks it then by itself',
  });
}
