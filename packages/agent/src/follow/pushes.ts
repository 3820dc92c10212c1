import { Cancelled, Superseded } from '../deploy/called-off.js';
import type { CallOff, LoopControl, Wishes } from '../deploy/wishes.js';

/**
 * Why waiting is over: the time, a configuration that was not seen yet, somebody who asked, or the connection is of no use
 * any more.
 */
export type Awakening = 'time' | 'told' | 'nudged' | 'lost';

/**
 * What the registry tells of one configuration between polls, as RegistryWatch hears it. With a registry that tells
 * nothing, waiting is all it does.
 */
export class Pushes implements LoopControl, Wishes {
  #working = false;
  #told: string | undefined;
  #lost = false;
  #nudged = false;
  #deployment: AbortController | undefined;
  #look = () => {};

  /** Whether the registry tells of changes at present. */
  get working(): boolean {
    return this.#working;
  }

  /** Whether a deployment goes on that could be called off; one that waits for a later time does not. */
  get isDeploying(): boolean {
    return this.#deployment !== undefined;
  }

  /** The registry is asked to tell, or nobody is any more. What was before is forgotten. */
  restart(): void {
    this.#working = false;
    this.#told = undefined;
    this.#lost = false;
  }

  /** The registry gives signs of life. */
  heard(): void {
    this.#working = true;
  }

  /** The registry wants this. @param hash of the configuration. */
  told(hash: string): void {
    this.#told = hash;
    this.#look();
  }

  /** The registry tells nothing any more. @param missed false where it never did: everything is left to polling then. */
  ended(missed: boolean): void {
    this.#working = false;
    this.#lost ||= missed;
    this.#look();
  }

  /** Somebody wants the agent to look now. */
  nudge(): void {
    this.#nudged = true;
    this.#look();
  }

  /**
   * A deployment goes on, and nobody waits: it ends when the registry wants something else, and whatever wait follows is over at
   * once then, or when somebody says so.
   * @param hash what is deployed.
   */
  deploying(hash: string): CallOff {
    const deployment = new AbortController();
    this.#deployment = deployment;
    this.#look = () => {
      const other = this.#otherThan(hash);
      if (other !== undefined) deployment.abort(new Superseded(other));
    };
    this.#look();
    return {
      signal: deployment.signal,
      close: () => {
        this.#deployment = undefined;
        this.#look = () => {};
      },
    };
  }

  /** Whether the registry has told that it wants another release than this. @param hash of the configuration. */
  wantsOther(hash: string): boolean {
    return this.#otherThan(hash) !== undefined;
  }

  #otherThan(hash: string | undefined): string | undefined {
    return this.#told === hash ? undefined : this.#told;
  }

  /**
   * Somebody ends the deployment that goes on.
   * @param by who. @returns false when none goes on.
   */
  cancel(by: string): boolean {
    this.#deployment?.abort(new Cancelled(by));
    return this.#deployment !== undefined;
  }

  /** Waits for the first of what there is to wait for; the signal counts as the time. @param seen a hash. */
  wait(ms: number, seen: string | undefined, signal: AbortSignal): Promise<Awakening> {
    return new Promise((resolve) => {
      const wake = (why: Awakening) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#look = () => {};
        this.#told = undefined;
        this.#lost = false;
        this.#nudged = false;
        resolve(why);
      };
      const abort = () => wake('time');
      const timer = setTimeout(() => wake('time'), ms);
      signal.addEventListener('abort', abort);
      this.#look = () => {
        if (signal.aborted) wake('time');
        else if (this.#lost) wake('lost');
        else if (this.#nudged) wake('nudged');
        else if (this.#otherThan(seen) !== undefined) wake('told');
      };
      this.#look();
    });
  }

  /** Waits for the time, or for somebody who asks: the registry has nothing to tell meanwhile. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', wake);
        this.#look = () => {};
        this.#nudged = false;
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener('abort', wake);
      this.#look = () => {
        if (signal.aborted || this.#nudged) wake();
      };
      this.#look();
    });
  }
}
