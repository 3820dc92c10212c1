import { ByteRate } from '@deploy-tools/shared/client/byte-rate.js';
import { type ConnectOptions, connect } from '@deploy-tools/shared/client/connect.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { DeployError, describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { LinkState } from '../deploy/upstream.js';

export interface LinkOptions extends ConnectOptions {
  /** The most bytes a second to download, over all sessions. */
  readonly maxBandwidth?: number | undefined;
}

/**
 * One connection to the registry with one SFTP session on it, kept open between polls and opened again after a loss. Registries end
 * connections after a while; that is no error.
 */
export class RegistryLink {
  readonly #options: LinkOptions;
  readonly #rate: ByteRate | undefined;
  readonly #log: Logger;
  readonly #onConnection: (connection: Connection | undefined) => void;
  #state: LinkState = { isConnected: false, since: undefined };
  #connection: Connection | undefined;
  #sftp: SftpClient | undefined;
  #opening: Promise<SftpClient> | undefined;
  /** Counts the calls of {@link close}: a connection attempt that began before a close must not succeed after it. */
  #closes = 0;

  /** @param onConnection gets each new connection, and undefined when {@link close} has ended it, but not after a loss. */
  constructor(
    options: LinkOptions,
    log: Logger,
    onConnection: (connection: Connection | undefined) => void = () => {},
  ) {
    this.#options = options;
    this.#rate = options.maxBandwidth === undefined ? undefined : new ByteRate(options.maxBandwidth);
    this.#log = log;
    this.#onConnection = onConnection;
  }

  get state(): LinkState {
    return this.#state;
  }

  /** The session; connects where needed. @throws DeployError connect or auth. */
  async sftp(): Promise<SftpClient> {
    if (this.#sftp !== undefined) return this.#sftp;
    if (this.#opening === undefined) {
      const opening = this.#open().finally(() => {
        if (this.#opening === opening) this.#opening = undefined;
      });
      this.#opening = opening;
    }
    return await this.#opening;
  }

  async #open(): Promise<SftpClient> {
    const closes = this.#closes;
    const connection = await connect(this.#options).catch((error: unknown) => {
      this.#away(describeError(error));
      throw error;
    });
    if (closes !== this.#closes) {
      connection.close();
      throw new DeployError('connect', 'the connection was closed');
    }
    this.#connection = connection;
    const isNews = this.#state.since === undefined || this.#state.error !== undefined;
    this.#state = { isConnected: true, since: new Date() };
    this.#log[isNews ? 'info' : 'debug'](
      { registry: connection.peer, version: connection.serverIdent },
      'connected',
    );
    void connection.closed.then((reason) => {
      if (this.#connection !== connection) return;
      this.#forget();
      this.#away(reason?.message);
      this.#log.debug({ reason: reason?.message }, 'connection ended');
    });
    this.#onConnection(connection);
    try {
      this.#sftp = await SftpClient.start(await connection.openSubsystem('sftp'), this.#rate);
      return this.#sftp;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Opens one more session on the open connection. @throws DeployError connect; unsupported where the registry allows no more. */
  async another(): Promise<SftpClient> {
    if (this.#connection === undefined) throw new DeployError('connect', 'the connection was closed');
    return await SftpClient.start(await this.#connection.openSubsystem('sftp'), this.#rate);
  }

  /** Ends the connection; the next use opens another. */
  close(): void {
    const connection = this.#connection;
    this.#closes += 1;
    this.#opening = undefined;
    this.#forget();
    if (connection === undefined) return;
    this.#away(undefined);
    this.#onConnection(undefined);
    connection.close();
  }

  /** Ends the connection of a session, unless another connection has replaced it. */
  drop(session: SftpClient | undefined): void {
    if (session !== undefined && session === this.#sftp) this.close();
  }

  /** @param error why, where that is known. */
  #away(error: string | undefined): void {
    const { isConnected, since } = this.#state;
    const began = isConnected ? new Date() : (since ?? new Date());
    this.#state = { isConnected: false, since: began, ...(error === undefined ? {} : { error }) };
  }

  #forget(): void {
    this.#connection = undefined;
    this.#sftp = undefined;
  }
}
