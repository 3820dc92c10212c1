import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { Worker } from 'node:worker_threads';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { type HandedIn, socketsFor } from './handed-in-sockets.js';
import { formatListenSpec, type ListenSpec } from './listen-spec.js';

/** Large, so that clients of a program that is slow to accept for a moment need not send a second SYN. */
const BACKLOG = 4096;

/** The sockets that the listening thread opens. */
export interface ListeningTask {
  /** Numeric addresses; without a host every address of this machine. */
  readonly addresses: readonly { readonly host?: string; readonly port: number }[];
  /** Connections that may wait for accept; the kernel bounds them by net.core.somaxconn. */
  readonly backlog: number;
  /** Set to another number than 0, and notified, it closes the sockets. */
  readonly gate: Int32Array<SharedArrayBuffer>;
}

export type ListeningReply =
  | {
      readonly kind: 'listening';
      /** In the order of the task; `fd` is -1 where this version of Node.js does not tell it. */
      readonly sockets: readonly { readonly fd: number; readonly port: number }[];
    }
  | { readonly kind: 'failed'; readonly index: number; readonly code: string };

/** A listening socket of this process, for others to accept from. */
export interface Listener {
  readonly spec: ListenSpec;
  /** The actual port, also where any free one was wanted. */
  readonly port: number;
  /** Closed on exec: a child gets it only where spawn's `stdio` names it. */
  readonly fd: number;
}

/** Sockets that are open until {@link Listeners.close}. */
export interface Listeners {
  readonly sockets: readonly Listener[];
  /** Resets connections that were not accepted, unless a child still has the sockets. */
  close(): Promise<void>;
}

/**
 * Opens listening sockets without ever accepting from them. A socket that was handed in for the same port is used instead, and
 * `close` leaves it open. Node.js cannot listen without accepting, so a thread owns the sockets whose event loop never turns again
 * (listening-worker.ts). They are in blocking mode, as sd_listen_fds(3) programs expect, and have SO_REUSEADDR.
 * @throws DeployError: in-use, denied, not-found (a host name), invalid, unsupported.
 */
export async function openListeners(
  specs: readonly ListenSpec[],
  handedIn: readonly HandedIn[] = [],
): Promise<Listeners> {
  const given = socketsFor(specs, handedIn);
  const ready = specs.map((spec, index) => ({ spec, given: given[index] }));
  const own = await openOwn(ready.flatMap(({ spec, given }) => (given === undefined ? [spec] : [])));
  const left = [...own.sockets];
  const sockets = ready.flatMap(({ spec, given }) =>
    given === undefined ? left.splice(0, 1) : [{ spec, ...given }],
  );
  makeBlocking(sockets);
  return { sockets, close: own.close };
}

async function openOwn(specs: readonly ListenSpec[]): Promise<Listeners> {
  if (specs.length === 0) return { sockets: [], close: async () => {} };
  const addresses = await Promise.all(specs.map(numeric));
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const task: ListeningTask = { addresses, backlog: BACKLOG, gate };
  const worker = new Worker(new URL('./listening-worker.js', import.meta.url), {
    workerData: task,
    execArgv: [],
  });
  const exit = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const close = async (): Promise<void> => {
    worker.ref(); // its end may be the only event left
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await exit;
  };
  try {
    const sockets = socketsOf(specs, await replyOf(worker));
    worker.unref();
    return { sockets, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function numeric({ host, port }: ListenSpec): Promise<{ host?: string; port: number }> {
  if (host === undefined) return { port };
  try {
    return { host: (await lookup(host)).address, port };
  } catch (error) {
    throw new DeployError(
      'not-found',
      `-port ${formatListenSpec({ host, port })}: no such host (${errnoOf(error)})`,
      {
        cause: error,
      },
    );
  }
}

function replyOf(worker: Worker): Promise<ListeningReply> {
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () =>
      reject(new DeployError('internal', 'the listening thread ended without an answer')),
    );
  });
}

function socketsOf(specs: readonly ListenSpec[], reply: ListeningReply): Listener[] {
  if (reply.kind === 'failed') throw cannotListen(specs[reply.index], reply.code);
  return specs.map((spec, index) => {
    const { fd, port } = reply.sockets[index] ?? { fd: -1, port: 0 };
    if (fd < 0) {
      throw new DeployError(
        'unsupported',
        `Node.js ${process.version} does not tell the descriptor of a socket`,
        {
          hint: 'use the version that this program is tested with',
        },
      );
    }
    return { spec: { host: spec.host, port }, port, fd };
  });
}

/**
 * Makes sockets blocking, as programs that just call accept need them; Node.js makes them non-blocking. libuv makes the standard
 * streams of a child blocking, so each socket is the standard input of a child that does nothing.
 */
function makeBlocking(sockets: readonly Listener[]): void {
  for (const { fd } of sockets) {
    const { error } = spawnSync('/bin/sh', ['-c', ':'], { stdio: [fd, 'ignore', 'ignore'] });
    if (error !== undefined) throw error;
  }
}

const REASONS: Readonly<Record<string, readonly ['in-use' | 'denied' | 'invalid', string, string]>> = {
  EADDRINUSE: ['in-use', 'another program listens there', 'see who: ss -ltnp'],
  EACCES: ['denied', 'it may not listen there', 'ports below 1024 need CAP_NET_BIND_SERVICE'],
  EADDRNOTAVAIL: ['invalid', 'this host has no such address', 'see its addresses: ip address'],
};

function cannotListen(spec: ListenSpec | undefined, code: string): DeployError {
  const [kind, reason, hint] = REASONS[code] ?? ['invalid', code, 'check -port'];
  const where = spec === undefined ? '' : formatListenSpec(spec);
  return new DeployError(kind, `cannot listen on port ${where}: ${reason}`, { hint });
}
