import { type CallOff, Cancelled, type LoopControl, Superseded, type Wishes } from '../deploy/wishes.js';

/** Why a wait is over: its time has come, another configuration was announced, an operator asked, or the connection is lost. */
export type Awakening = 'time' | 'announced' | 'nudged' | 'lost';

/** Receives the registry's announcements for one configuration from RegistryWatch, and ends waits and deployments for them. */
export class Pushes implements LoopControl, Wishes {
  #isWorking = false;
  #announced: string | undefined;
  #isLost = false;
  #isNudged = false;
  #deployment: AbortController | undefined;
  /** Ends the current wait, or calls off the current deployment, if there is a reason by now. */
  #check = () => {};

  /** Whether the registry announces changes at present. */
  get working(): boolean {
    return this.#isWorking;
  }

  get isDeploying(): boolean {
    return this.#deployment !== undefined;
  }

  /** Forgets all announcements: another watch begins, or there is none any more. */
  restart(): void {
    this.#isWorking = false;
    this.#announced = undefined;
    this.#isLost = false;
  }

  /** The registry has sent a line. */
  heard(): void {
    this.#isWorking = true;
  }

  /** The registry has announced a change. @param hash of the wanted configuration. */
  announce(hash: string): void {
    this.#announced = hash;
    this.#check();
  }

  /** The watch has ended. @param isMissed false where it never worked: then the agent only polls. */
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
   * Waits for the first reason to poll, and forgets earlier announcements.
   * @param seen hash of the configuration whose announcement is no reason. @param signal ends the wait as its time does.
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

  /** Waits for the time or an operator, for an agent without a connection. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const reason = () => (this.#isNudged ? 'nudged' : undefined);
    await this.#waitFor(ms, signal, { reason, onEnd: () => {} });
  }

  /** @param end.onEnd called synchronously when the wait ends, so that no later announcement is lost. */
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
