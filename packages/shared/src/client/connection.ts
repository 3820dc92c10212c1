import type { Socket } from 'node:net';
import { type Duplex, type Readable, Writable } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { DeployError, isDeployError } from '../errors.js';

export interface ExecStreams {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Without it the command reads end of file at once. */
  readonly stdin?: Readable;
  /** Closes the channel when it is aborted: the command is rejected with its reason. */
  readonly signal?: AbortSignal;
}

export interface Captured {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is known about the peer once a connection stands. */
export interface PeerFacts {
  /** `host:port`, for messages. */
  readonly peer: string;
  /** Fingerprint of the host key that was accepted. */
  readonly hostFingerprint: string;
  /** The peer's identification line: `SSH-2.0-…`. */
  readonly serverIdent: string;
}

/**
 * An authenticated SSH connection. When it is lost, everything pending on it is rejected with kind `connect`, and so is
 * everything asked of it afterwards.
 */
export class Connection implements PeerFacts {
  readonly peer: string;
  readonly hostFingerprint: string;
  readonly serverIdent: string;
  /** Resolves, never rejects, once the connection is gone: undefined after {@link close}, else why it was lost. */
  readonly closed: Promise<DeployError | undefined>;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #pending = new Set<(error: DeployError) => void>();
  #ending = false;
  #gone: DeployError | undefined;

  /**
   * @param client authenticated: its `ready` event has fired.
   * @param socket what the client speaks over.
   */
  constructor(client: Client, socket: Socket, facts: PeerFacts) {
    this.#client = client;
    this.#socket = socket;
    this.peer = facts.peer;
    this.hostFingerprint = facts.hostFingerprint;
    this.serverIdent = facts.serverIdent;
    this.closed = new Promise((resolve) => this.#watch(resolve));
  }

  /** Bytes that came from the peer so far, whatever they were. */
  get bytesReceived(): number {
    return this.#socket.bytesRead;
  }

  /**
   * Runs one command. Both outputs are written with backpressure and left open. Standard output that cannot be written fails it,
   * standard error does not: what the command does counts, not what it says about it.
   * @returns the exit status; 255 when a signal ended the command.
   */
  exec(command: string, streams: ExecStreams): Promise<number> {
    const what = `run "${nameOf(command)}"`;
    return this.#guarded((resolve, reject) => {
      // Listened to at once: a fast peer's exit status may come in the same read as its consent.
      this.#client.exec(command, (error, channel) => {
        if (error === undefined) this.#followExec(channel, streams, resolve, reject);
        else reject(this.#refused(what, error));
      });
    });
  }

  /**
   * Runs one command and keeps what it prints.
   * @throws DeployError too-large when either output exceeds `maxBytes`.
   */
  async capture(command: string, maxBytes: number): Promise<Captured> {
    const stdout = new Collector(command, maxBytes);
    const stderr = new Collector(command, maxBytes);
    const status = await this.exec(command, { stdout, stderr });
    return { status, stdout: stdout.text(), stderr: stderr.text() };
  }

  /** Opens a channel and starts a subsystem on it, such as `sftp`. */
  openSubsystem(name: string): Promise<Duplex> {
    return this.#open<ClientChannel>(`start subsystem ${name}`, (done) => this.#client.subsys(name, done));
  }

  /** Says goodbye and closes; pending operations are rejected. May be called twice. */
  close(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#fail(new DeployError('connect', `the connection to ${this.peer} is closed`));
    this.#client.end();
    // A peer that never answers the goodbye must not keep the process; ssh2's destroy() does nothing after end().
    const timer = setTimeout(() => this.#socket.destroy(), 1000);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #watch(resolve: (reason: DeployError | undefined) => void): void {
    let cause: Error | undefined;
    this.#client.on('error', (error: Error) => {
      cause ??= error;
    });
    this.#client.on('close', () => {
      const lost = this.#lost(cause?.message ?? 'closed by the other side', cause);
      this.#fail(lost);
      resolve(this.#ending ? undefined : lost);
    });
  }

  #fail(error: DeployError): void {
    this.#gone ??= error;
    for (const reject of [...this.#pending]) reject(this.#gone);
  }

  #lost(reason: string, cause?: unknown): DeployError {
    return new DeployError('connect', `the connection to ${this.peer} was lost: ${reason}`, { cause });
  }

  #followExec(
    channel: ClientChannel,
    streams: ExecStreams,
    resolve: (status: number) => void,
    reject: (error: Error) => void,
  ): void {
    const fail = (error: Error) => {
      reject(error);
      channel.close();
    };
    const { signal } = streams;
    const abort = () => fail(signal?.reason as Error);
    streams.stdout.once('error', fail);
    const loseStderr = (error: Error) => {
      if (isDeployError(error)) fail(error);
      else channel.stderr.resume();
    };
    streams.stderr.on('error', loseStderr);
    channel.on('error', fail);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    // The event `exit` can be over already: a server may send the status before its consent. ssh2 keeps it for `close`.
    const end = (code: number | null | undefined) => {
      streams.stdout.off('error', fail);
      streams.stderr.off('error', loseStderr);
      signal?.removeEventListener('abort', abort);
      if (code === undefined) reject(this.#lost('the command ended without an exit status'));
      else resolve(code ?? 255);
    };
    // What an output says of the last bytes it was given comes after the channel's own end.
    channel.on('close', (code: number | null | undefined) => setImmediate(end, code));
    channel.pipe(streams.stdout, { end: false });
    channel.stderr.pipe(streams.stderr, { end: false });
    if (streams.stdin === undefined) channel.end();
    else streams.stdin.pipe(channel);
  }

  #refused(what: string, cause: Error): DeployError {
    return new DeployError('unsupported', `${this.peer} refuses to ${what}`, { cause });
  }

  #open<T>(what: string, start: (done: (error: Error | undefined, channel: T) => void) => void): Promise<T> {
    return this.#guarded((resolve, reject) => {
      start((error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(this.#refused(what, error));
      });
    });
  }

  /** A promise that the loss of the connection rejects. */
  #guarded<T>(run: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      const settled = () => this.#pending.delete(reject);
      const settle = (act: () => void) => {
        settled();
        act();
      };
      run(
        (value) => settle(() => resolve(value)),
        (error) => settle(() => reject(error)),
      );
    });
  }
}

/** Keeps what is written to it, up to a bound. */
class Collector extends Writable {
  readonly #parts: Buffer[] = [];
  readonly #command: string;
  readonly #maxBytes: number;
  #length = 0;

  constructor(command: string, maxBytes: number) {
    super();
    this.#command = command;
    this.#maxBytes = maxBytes;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    this.#length += chunk.length;
    if (this.#length > this.#maxBytes) {
      done(
        new DeployError('too-large', `"${nameOf(this.#command)}" printed more than ${this.#maxBytes} bytes`),
      );
      return;
    }
    this.#parts.push(chunk);
    done();
  }

  text(): string {
    return Buffer.concat(this.#parts, this.#length).toString('utf8');
  }
}

/** The first word of a command line, for messages. */
function nameOf(command: string): string {
  return command.split(' ', 1)[0] ?? command;
}
