import { Cancelled, Superseded } from '../deploy/called-off.js';
import type { CallOff, LoopControl, Wishes } from '../deploy/wishes.js';

/** Why a wait is over: its time has come, another configuration was announced, an operator asked, or the connection is of no use. */
export type Awakening = 'time' | 'announced' | 'nudged' | 'lost';

/**
 * What the registry announces of one configuration between polls, as RegistryWatch receives it. With a registry that announces
 * nothing, this only waits.
 */
export class Pushes implements LoopControl, Wishes {
  #isWorking = false;
  #announced: string | undefined;
  #isLost = false;
  #isNudged = false;
  #deployment: AbortController | undefined;
  /** Examines whether what is waited for has happened. */
  #check = () => {};

  /** Whether the registry announces changes at present. */
  get working(): boolean {
    return this.#isWorking;
  }

  get isDeploying(): boolean {
    return this.#deployment !== undefined;
  }

  /** Another watch begins, or there is none any more: forgets everything that was announced. */
  restart(): void {
    this.#isWorking = false;
    this.#announced = undefined;
    this.#isLost = false;
  }

  /** The registry gives signs of life. */
  heard(): void {
    this.#isWorking = true;
  }

  /** The registry wants this. @param hash of a configuration. */
  announce(hash: string): void {
    this.#announced = hash;
    this.#check();
  }

  /** The watch has ended. @param isMissed false where it never worked: then everything is left to polling. */
  ended(isMissed: boolean): void {
    this.#isWorking = false;
    this.#isLost ||= isMissed;
    this.#check();
  }

  nudge(): void {
    this.#isNudged = true;
    this.#check();
  }

  deploying(hash: string): CallOff {
    const deployment = new AbortController();
    this.#deployment = deployment;
    this.#check = () => {
      const other = this.#otherThan(hash);
      if (other !== undefined) deployment.abort(new Superseded(other));
    };
    this.#check();
    return {
      signal: deployment.signal,
      close: () => {
        this.#deployment = undefined;
        this.#check = () => {};
      },
    };
  }

  wantsOther(hash: string): boolean {
    return this.#otherThan(hash) !== undefined;
  }

  #otherThan(hash: string | undefined): string | undefined {
    return this.#announced === hash ? undefined : this.#announced;
  }

  cancel(by: string): boolean {
    this.#deployment?.abort(new Cancelled(by));
    return this.#deployment !== undefined;
  }

  /**
   * Waits for the first reason to poll. What was announced before is forgotten then.
   * @param seen hash of the configuration that needs no other poll. @param signal ends the wait as its time does.
   */
  async wait(ms: number, seen: string | undefined, signal: AbortSignal): Promise<Awakening> {
    const reason = () => {
      if (this.#isLost) return 'lost';
      if (this.#isNudged) return 'nudged';
      return this.#otherThan(seen) === undefined ? undefined : 'announced';
    };
    const onEnd = () => {
      this.#announced = undefined;
      this.#isLost = false;
    };
    return await this.#waitFor(ms, signal, { reason, onEnd });
  }

  /** Waits for the time, or for an operator: without a connection the registry has nothing to announce. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const reason = () => (this.#isNudged ? 'nudged' : undefined);
    await this.#waitFor(ms, signal, { reason, onEnd: () => {} });
  }

  /** @param end.onEnd called in the very moment in which the wait ends, so that what comes right after is not lost. */
  #waitFor(
    ms: number,
    signal: AbortSignal,
    { reason, onEnd }: { readonly reason: () => Awakening | undefined; readonly onEnd: () => void },
  ): Promise<Awakening> {
    return new Promise((resolve) => {
      const end = (why: Awakening) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', check);
        this.#check = () => {};
        this.#isNudged = false;
        onEnd();
        resolve(why);
      };
      const check = () => {
        const why = signal.aborted ? 'time' : reason();
        if (why !== undefined) end(why);
      };
      const timer = setTimeout(() => end('time'), ms);
      signal.addEventListener('abort', check);
      this.#check = check;
      check();
    });
  }
}
