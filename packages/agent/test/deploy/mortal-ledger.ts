import { Ledger, type LedgerOptions } from '@deploy-tools/agent/deploy/ledger.js';

/** The agent was killed: nothing that it does after that is done. */
export class Killed extends Error {}

/** A journal whose agent is killed at its n-th write: before it, or right after it. */
export class MortalLedger extends Ledger {
  #writes = 0;
  readonly #last: number;
  readonly #isAfter: boolean;

  constructor(options: LedgerOptions, last: number, isAfter: boolean) {
    super(options);
    this.#last = last;
    this.#isAfter = isAfter;
  }

  #write<T>(act: () => T): T {
    this.#writes += 1;
    if (this.#writes > this.#last || (this.#writes === this.#last && !this.#isAfter)) throw new Killed();
    const result = act();
    if (this.#writes === this.#last) throw new Killed();
    return result;
  }

  override begin(...args: Parameters<Ledger['begin']>): void {
    this.#write(() => super.begin(...args));
  }
  override step(...args: Parameters<Ledger['step']>): void {
    this.#write(() => super.step(...args));
  }
  override restored(...args: Parameters<Ledger['restored']>): void {
    this.#write(() => super.restored(...args));
  }
  override arrived(...args: Parameters<Ledger['arrived']>): void {
    this.#write(() => super.arrived(...args));
  }
  override returning(...args: Parameters<Ledger['returning']>): void {
    this.#write(() => super.returning(...args));
  }
  override leave(...args: Parameters<Ledger['leave']>): void {
    this.#write(() => super.leave(...args));
  }
  override postpone(message: string): void {
    this.#write(() => super.postpone(message));
  }
  override veto(): void {
    this.#write(() => super.veto());
  }
  override script(identity: string | undefined): void {
    this.#write(() => super.script(identity));
  }
}
