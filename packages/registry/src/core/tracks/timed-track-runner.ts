import { DeployError, describeError, toDeployError } from '@deploy-tools/shared/errors.js';
import { pollDelayMs } from '@deploy-tools/sources/poll-delay.js';
import type { Track } from '../../meta/track-store.js';
import { type Registry, timestamp } from '../registry.js';
import { SharedJobs } from '../shared-jobs.js';
import { checkTrack, type WatchedSource } from './check-track.js';
import type { TakeTools } from './take-release.js';
import type { CheckReport, TrackRunner, TrackTimes } from './track-runner.js';
import { noTrack } from './tracks.js';

/** Sources that are looked at at the same time. */
const SLOTS = 4;
/** Within which all tracks are looked at for the first time after a start. */
const FIRST_ROUND_MS = 10_000;

export interface RunnerOptions extends TakeTools {
  /** Opens a track's source. @throws DeployError invalid, denied. */
  readonly open: (track: Track) => Promise<Omit<WatchedSource, 'listing'>>;
  /** Asked for when it is needed: the registry that has this runner. */
  readonly registry: () => Registry;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

interface Follow {
  timer: NodeJS.Timeout | undefined;
  /** Opened at the first look and kept, with what it told; undefined before, and after a change. */
  source: WatchedSource | undefined;
  failures: number;
  checked: string | undefined;
  next: string | undefined;
  checking: boolean;
  /** It changed while a look went on, which may not have seen it. */
  again: boolean;
  /** Until when the source asked to be left alone, in milliseconds since 1970. */
  notBefore: number;
}

function askedForPatience(until: number): DeployError {
  const time = new Date(until).toISOString();
  return new DeployError('connect', `the source asked to be left alone until ${time}`, {
    hint: 'it is looked at then without being asked to',
  });
}

/** Looks at each track's source when its time has come, with a timer for each; failures are logged and kept with the track. */
export class TimedTrackRunner implements TrackRunner {
  readonly #options: RunnerOptions;
  readonly #follows = new Map<string, Follow>();
  readonly #looks: SharedJobs<CheckReport>;
  #stopped = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#looks = new SharedJobs(
      SLOTS,
      (component, signal) => this.#look(component, signal),
      () => new DeployError('cancelled', 'looking at the source was stopped', { hint: 'try again' }),
    );
  }

  /** Follows all tracks that there are. */
  async start(): Promise<void> {
    const followed = await this.#options.registry().meta.read((tx) => tx.tracks.tracks());
    for (const { track } of followed) {
      this.#plan(track.component, Math.min(track.intervalMs, FIRST_ROUND_MS) * this.#options.random());
    }
  }

  /** Looks no more; resolves when none goes on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#follows.values()) clearTimeout(timer);
    await this.#looks.stop();
  }

  follow(component: string): void {
    const follow = this.#followOf(component);
    follow.source = undefined;
    follow.again = follow.checking;
    if (!follow.checking) this.#plan(component, 0);
  }

  forget(component: string): void {
    clearTimeout(this.#follows.get(component)?.timer);
    this.#follows.delete(component);
    this.#looks.cancel(component);
  }

  check(component: string): Promise<CheckReport> {
    const { notBefore } = this.#follows.get(component) ?? IDLE;
    if (notBefore > this.#now()) return Promise.reject(askedForPatience(notBefore));
    return this.#looks.run(component, 'awaited');
  }

  times(component: string): TrackTimes {
    const { checked, next, checking } = this.#follows.get(component) ?? { ...IDLE };
    return { checked, next, checking };
  }

  #followOf(component: string): Follow {
    const follow = this.#follows.get(component) ?? { ...IDLE };
    this.#follows.set(component, follow);
    return follow;
  }

  #plan(component: string, ms: number): void {
    if (this.#stopped) return;
    const follow = this.#followOf(component);
    clearTimeout(follow.timer);
    const now = this.#now();
    const wait = Math.max(ms, follow.notBefore - now);
    follow.next = new Date(now + wait).toISOString();
    follow.timer = setTimeout(() => {
      this.#looks.run(component, 'soon').catch(() => undefined); // logged where it fails
    }, wait).unref();
  }

  #now(): number {
    return this.#options.registry().clock().getTime();
  }

  async #look(component: string, signal: AbortSignal): Promise<CheckReport> {
    const registry = this.#options.registry();
    const followed = await registry.meta.read((tx) => tx.tracks.track(component));
    if (followed === undefined) {
      this.forget(component);
      throw noTrack(component);
    }
    const follow = this.#followOf(component);
    follow.checking = true;
    const { intervalMs } = followed.track;
    try {
      follow.source ??= { ...(await this.#options.open(followed.track)), listing: undefined };
      const report = await checkTrack(registry, this.#options, follow.source, followed, signal);
      follow.failures = 0;
      this.#plan(component, pollDelayMs(intervalMs, { failures: 0 }, this.#options.random()));
      return report;
    } catch (thrown) {
      const error = toDeployError(thrown);
      if (!signal.aborted) await this.#failed(registry, component, follow, intervalMs, error);
      throw error;
    } finally {
      follow.checking = false;
      follow.checked = timestamp(registry);
      if (follow.again) this.#plan(component, 0);
      follow.again = false;
    }
  }

  async #failed(
    registry: Registry,
    component: string,
    follow: Follow,
    intervalMs: number,
    error: DeployError,
  ): Promise<void> {
    follow.failures += 1;
    follow.notBefore = this.#now() + (error.retryAfterMs ?? 0);
    const history = { failures: follow.failures, retryAfterMs: error.retryAfterMs };
    const ms = pollDelayMs(intervalMs, history, this.#options.random());
    registry.log.warn(
      { component, failures: follow.failures, retrySeconds: Math.ceil(ms / 1000), err: describeError(error) },
      'a source could not be followed',
    );
    if (error.kind === 'internal') registry.log.error({ err: error.cause ?? error }, 'unexpected error');
    this.#plan(component, ms);
    await registry.meta.write(async (tx) => {
      const progress = (await tx.tracks.track(component))?.progress;
      const message = describeError(error);
      if (progress === undefined || progress.error?.message === message) return;
      const since = progress.error?.since ?? timestamp(registry);
      await tx.tracks.putProgress(component, { ...progress, error: { message, since } });
    });
  }
}

const IDLE: Readonly<Follow> = {
  timer: undefined,
  source: undefined,
  failures: 0,
  checked: undefined,
  next: undefined,
  checking: false,
  again: false,
  notBefore: 0,
};
