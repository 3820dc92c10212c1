import { ByteRate } from '@deploy-tools/shared/client/byte-rate.js';
import { type ConnectOptions, connect } from '@deploy-tools/shared/client/connect.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { SftpClient } from '@deploy-tools/shared/client/sftp-client.js';
import { DeployError, describeError, type ErrorKind } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { LinkState } from '../deploy/upstream.js';
import type { OwnSession } from '../release/fetch/sessions.js';

/** A way to the registry, as one configuration uses it. */
export interface Link {
  /** The session, opened where needed. @throws DeployError connect or auth. */
  sftp(): Promise<SftpClient>;
  /** A session for what opens many files. @throws DeployError connect or auth. */
  own(): Promise<OwnSession>;
  /** One more session on the same connection. @throws DeployError connect. */
  another(): Promise<SftpClient>;
  /** Ends the connection; the next use opens another. @param why the kind of what went wrong. */
  close(why: ErrorKind): void;
}

export interface LinkOptions extends ConnectOptions {
  /** Most bytes a second that are fetched, over all sessions. */
  readonly maxBandwidth?: number | undefined;
}

/**
 * One connection to the registry with one SFTP session on it, kept open between polls and opened again when it was
 * lost. Registries end connections after a while; that is no error.
 */
export class RegistryLink implements Link {
  readonly #options: LinkOptions;
  readonly #rate: ByteRate | undefined;
  readonly #log: Logger;
  readonly #onConnection: (connection: Connection | undefined) => void;
  #state: LinkState = { isConnected: false, since: undefined };
  #connection: Connection | undefined;
  #sftp: SftpClient | undefined;
  #opening: Promise<SftpClient> | undefined;
  /** Counts the closes: a connection whose making began before a close is of no use any more. */
  #closes = 0;

  /** @param onConnection gets each connection that is made, and undefined when it was closed here, not when it was lost. */
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

  /** Whether there is a connection. */
  get state(): LinkState {
    return this.#state;
  }

  /** The session, opened where needed. @throws DeployError connect or auth. */
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

  /** There is only one user, so the session is its own. */
  async own(): Promise<OwnSession> {
    return { sftp: await this.sftp(), end: () => {} };
  }

  /** One more session on the connection that is open; ends with it, or before. @throws DeployError connect. */
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

  /** Ends the connection that a session is on, unless another one was made already. */
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
