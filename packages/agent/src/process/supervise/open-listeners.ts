import { spawnSync } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { Worker } from 'node:worker_threads';
import { DeployError, errnoOf } from '@deploy-tools/shared/errors.js';
import { type HandedIn, socketsFor } from './handed-in-sockets.js';
import { formatListenSpec, type ListenSpec } from './listen-spec.js';
import type { ListeningReply, ListeningTask } from './listening-task.js';

/** A program that is slow to accept for a moment makes nobody wait for a second SYN. */
const BACKLOG = 4096;

/** A listening socket of this process, for others to accept from. */
export interface Listener {
  readonly spec: ListenSpec;
  /** The port that it got, where any was asked for. */
  readonly port: number;
  /** Closed on exec: a child gets it only where spawn's `stdio` names it. */
  readonly fd: number;
}

/** Sockets that are open until {@link Listeners.close}. */
export interface Listeners {
  readonly sockets: readonly Listener[];
  /** Connections that nobody accepted are reset, unless a child still has the sockets. */
  close(): Promise<void>;
}

/**
 * Opens listening sockets without ever accepting from them; one that was handed in for the same port is taken instead, and left
 * open by `close`. Node.js cannot listen without accepting, so a thread whose
 * event loop never turns again owns them (see listening-worker.ts); file descriptors belong to the whole process.
 * The sockets are in blocking mode, as sd_listen_fds(3) programs expect, and have SO_REUSEADDR.
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
    worker.ref(); // its end is waited for, and nothing else may be left to wait for
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
 * Node.js makes its sockets non-blocking, and that belongs to the socket, not to the process: programs that just call
 * accept would fail. libuv makes the standard streams of a child blocking, so a child that does nothing gets them as such.
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
