import type { AgentConfig } from '@deploy-tools/shared/config-json.js';
import type { ErrorKind } from '@deploy-tools/shared/errors.js';
import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Upstream } from '../deploy/upstream.js';
import { makeRelease } from '../release/make-release.js';
import type { Release } from '../release/release-directory.js';
import type { ReleaseStore, WantedRelease } from '../release/release-store.js';
import { readWanted } from './read-wanted.js';
import type { Redials } from './redials.js';
import type { Link } from './registry-link.js';

export interface RegistryUpstreamOptions {
  readonly link: Link;
  /** Of the configuration that is followed. */
  readonly name: string;
  /** Limits the polls that all configurations of this agent make at once. */
  readonly polls: Turns;
  readonly redials: Redials;
}

/** A registry, over a connection that is made where it is needed. */
export class RegistryUpstream implements Upstream {
  readonly #options: RegistryUpstreamOptions;

  constructor(options: RegistryUpstreamOptions) {
    this.#options = options;
  }

  async wanted(signal: AbortSignal): Promise<AgentConfig> {
    const { name, polls } = this.#options;
    const sftp = await this.#open();
    return await polls.take(() => readWanted(sftp, name), signal);
  }

  async wantedHash(signal: AbortSignal): Promise<string> {
    return (await this.wanted(signal)).hash;
  }

  async make(store: ReleaseStore, wanted: WantedRelease): Promise<Release> {
    const { link } = this.#options;
    await this.#open();
    const { sftp, end } = await link.own();
    try {
      return await makeRelease(store, { first: sftp, another: () => link.another() }, wanted);
    } finally {
      end();
    }
  }

  async reach(): Promise<void> {
    await this.#open();
  }

  async #open() {
    const { link, redials } = this.#options;
    const sftp = await link.sftp();
    redials.connected();
    return sftp;
  }

  drop(why: ErrorKind): void {
    const { link, redials } = this.#options;
    redials.closed();
    link.close(why);
  }

  retryAfterMs(): undefined {
    return undefined;
  }

  redialMs(): number {
    return this.#options.redials.next();
  }
}
