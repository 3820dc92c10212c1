import type { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { type AgentConfig, decodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError, type ErrorKind, isDeployError } from '@deploy-tools/shared/errors.js';
import type { Turns } from '@deploy-tools/shared/host/turns.js';
import type { Upstream } from '../deploy/upstream.js';
import { makeRelease } from '../release/make-release.js';
import type { Release } from '../release/release-directory.js';
import type { ReleaseStore, WantedRelease } from '../release/release-store.js';
import type { Redials } from './redials.js';
import type { RegistryLink } from './registry-link.js';

/** A configuration with the most layers and the longest names is well below this. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

export interface RegistryUpstreamOptions {
  readonly link: Pick<RegistryLink, 'sftp' | 'another' | 'close' | 'drop'>;
  /** Whether other configurations use the same connection: then an error of this configuration alone does not end it. */
  readonly isShared: boolean;
  /** Of the configuration. */
  readonly name: string;
  /** Limits how many configurations of this agent poll at once. */
  readonly polls: Turns;
  readonly redials: Redials;
}

/** A registry, over a connection that is made when it is needed. */
export class RegistryUpstream implements Upstream {
  readonly #options: RegistryUpstreamOptions;
  /** The session that was used last. */
  #session: SftpClient | undefined;

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
    const shared = await this.#open();
    const own = await this.#openOwn();
    try {
      return await makeRelease(store, { first: own ?? shared, another: () => link.another() }, wanted);
    } finally {
      own?.end();
    }
  }

  async reach(): Promise<void> {
    await this.#open();
  }

  async #open(): Promise<SftpClient> {
    const { link, redials } = this.#options;
    this.#session = await link.sftp();
    redials.connected();
    return this.#session;
  }

  /** Opens a session for this release alone: registries bound the open files of a session. @returns undefined when the open session has to serve this release too. */
  async #openOwn(): Promise<SftpClient | undefined> {
    const { link, isShared } = this.#options;
    if (!isShared) return undefined;
    try {
      return await link.another();
    } catch (error) {
      if (isDeployError(error, 'unsupported')) return undefined; // The registry allows no further session.
      throw error;
    }
  }

  drop(why: ErrorKind): void {
    const { link, isShared, redials } = this.#options;
    redials.closed();
    if (!isShared) link.close();
    else if (why === 'connect' || why === 'auth') link.drop(this.#session);
  }

  retryAfterMs(): undefined {
    return undefined;
  }

  redialMs(): number {
    return this.#options.redials.next();
  }
}

/** Reads the wanted configuration. @throws DeployError not-found when the registry has none of this name; corrupt; connect. */
export async function readWanted(sftp: SftpClient, name: string): Promise<AgentConfig> {
  try {
    const json = await sftp.readFile(`configs/${name}.json`, MAX_CONFIG_BYTES);
    return decodeConfigJson(json.toString('utf8'));
  } catch (error) {
    if (!isDeployError(error, 'not-found')) throw error;
    throw new DeployError('not-found', `the registry has no configuration "${name}"`, {
      hint: 'check -name, or add it with addconf',
      cause: error,
    });
  }
}
