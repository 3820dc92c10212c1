import type { Socket } from 'node:net';
import { type Duplex, type Readable, Writable } from 'node:stream';
import type { Client, ClientChannel } from 'ssh2';
import { DeployError, isDeployError } from '../errors.js';

export interface ExecStreams {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Absent: the command reads end of file at once. */
  readonly stdin?: Readable;
  /** Closes the channel when aborted; the command is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface Captured {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The peer of a connection. */
export interface PeerFacts {
  /** `host:port`, for messages. */
  readonly peer: string;
  /** Fingerprint of the host key that was accepted. */
  readonly hostFingerprint: string;
  /** The peer's identification line: `SSH-2.0-…`. */
  readonly serverIdent: string;
}

/** An authenticated SSH connection. When it is lost, pending and later operations are rejected with kind `connect`. */
export class Connection implements PeerFacts {
  readonly peer: string;
  readonly hostFingerprint: string;
  readonly serverIdent: string;
  /** Resolves when the connection has ended: to undefined after {@link close}, else to the reason. Never rejects. */
  readonly closed: Promise<DeployError | undefined>;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #pending = new Set<(error: DeployError) => void>();
  #ending = false;
  #gone: DeployError | undefined;

  /**
   * @param client authenticated: its `ready` event has fired.
   * @param socket the transport of the client.
   */
  constructor(client: Client, socket: Socket, facts: PeerFacts) {
    this.#client = client;
    this.#socket = socket;
    this.peer = facts.peer;
    this.hostFingerprint = facts.hostFingerprint;
    this.serverIdent = facts.serverIdent;
    this.closed = new Promise((resolve) => this.#watch(resolve));
  }

  /** All bytes received from the peer so far. */
  get bytesReceived(): number {
    return this.#socket.bytesRead;
  }

  /**
   * Runs one command. Both outputs are written with backpressure and left open. A failure to write standard output fails the
   * command; a failure to write standard error does not.
   * @returns the exit status; 255 when a signal ended the command.
   */
  exec(command: string, streams: ExecStreams): Promise<number> {
    const what = `run "${nameOf(command)}"`;
    return this.#guarded((resolve, reject) => {
      this.#client.exec(command, (error, channel) => {
        // Without delay: a fast peer's exit status may arrive in the same read as its consent.
        if (error === undefined) this.#followExec(channel, streams).then(resolve, reject);
        else reject(this.#refused(what, error));
      });
    });
  }

  /**
   * Runs one command and returns its output.
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
    return this.#guarded((resolve, reject) => {
      this.#client.subsys(name, (error, channel) => {
        if (error === undefined) resolve(channel);
        else reject(this.#refused(`start subsystem ${name}`, error));
      });
    });
  }

  /** Ends the connection and rejects pending operations. May be called twice. */
  close(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#fail(new DeployError('connect', `the connection to ${this.peer} is closed`));
    this.#client.end();
    // A peer that never closes its side must not keep the process; ssh2's destroy() does nothing after end().
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

  #followExec(channel: ClientChannel, { stdout, stderr, stdin, signal }: ExecStreams): Promise<number> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        reject(error);
        channel.close();
      };
      const abort = () => fail(signal?.reason as Error);
      const loseStderr = (error: Error) => {
        if (isDeployError(error)) fail(error);
        else channel.stderr.resume();
      };
      stdout.once('error', fail);
      stderr.on('error', loseStderr);
      channel.on('error', fail);
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted === true) abort();
      // The event `exit` may be over already: a server may send the status before its consent. ssh2 keeps it for `close`.
      const end = (code: number | null | undefined) => {
        stdout.off('error', fail);
        stderr.off('error', loseStderr);
        signal?.removeEventListener('abort', abort);
        if (code === undefined) reject(this.#lost('the command ended without an exit status'));
        else resolve(code ?? 255);
      };
      // An output reports a failure to write the last bytes after the channel's end.
      channel.on('close', (code: number | null | undefined) => setImmediate(end, code));
      channel.pipe(stdout, { end: false });
      channel.stderr.pipe(stderr, { end: false });
      if (stdin === undefined) channel.end();
      else stdin.pipe(channel);
    });
  }

  #refused(what: string, cause: Error): DeployError {
    return new DeployError('unsupported', `${this.peer} refuses to ${what}`, { cause });
  }

  /** A promise that the loss of the connection rejects. */
  #guarded<T>(run: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    let stopWaiting = () => {};
    return new Promise<T>((resolve, reject) => {
      this.#pending.add(reject);
      stopWaiting = () => this.#pending.delete(reject);
      run(resolve, reject);
    }).finally(() => stopWaiting());
  }
}

/** Collects the bytes written to it, up to a bound. */
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
