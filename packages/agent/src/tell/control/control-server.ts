import { once } from 'node:events';
import { chmodSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { BoundedLines } from '@deploy-tools/shared/report/bounded-lines.js';
import {
  type ControlRequest,
  decodeRequest,
  encodeAnswer,
  encodeFailure,
  MAX_REQUEST,
} from './control-line.js';

const MAX_CONNECTIONS = 32;
/** For the request and for reading the answer together. */
const REQUEST_TIMEOUT_MS = 5000;

export interface ControlServer {
  close(): void;
}

export interface ControlServerOptions {
  /** Absolute path of the socket. */
  readonly path: string;
  /** @returns an object for each configuration. @throws DeployError. */
  readonly answer: (request: ControlRequest) => readonly object[];
  readonly log: Logger;
}

/**
 * Serves the control socket: one request and one answer a connection, each a line of JSON. Only its owner can use the socket (0600). It
 * replaces the socket of an earlier agent, so the lock of the directory has to be held.
 * @returns undefined, with a warning, where no socket can be made: the agent works without it.
 */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer | undefined> {
  const { path, log } = options;
  const fresh = join(dirname(path), '.agent.sock');
  const server = createServer((socket) => serve(socket, options));
  server.maxConnections = MAX_CONNECTIONS;
  try {
    rmSync(fresh, { force: true });
    server.listen(fresh);
    await once(server, 'listening');
    chmodSync(fresh, 0o600);
    renameSync(fresh, path);
  } catch (error) {
    server.close();
    log.warn(
      { path, err: describeError(error) },
      'the control socket cannot be made; deploy-agent ctl does not reach this agent',
    );
    return undefined;
  }
  server.on('error', (error) =>
    log.warn(
      { err: describeError(error) },
      'the control socket failed; deploy-agent ctl does not reach this agent any more',
    ),
  );
  return {
    close: () => {
      rmSync(path, { force: true });
      server.close();
    },
  };
}

function serve(socket: Socket, { answer, log }: ControlServerOptions): void {
  const lines = new BoundedLines(MAX_REQUEST);
  const reply = (line: string) => {
    socket.removeListener('data', read);
    socket.resume();
    socket.end(line);
  };
  const read = (chunk: Buffer) => {
    try {
      for (const line of lines.push(chunk)) {
        const request = decodeRequest(line);
        const text = encodeAnswer(answer(request));
        const { command, name: configuration } = request;
        log.debug({ command, configuration }, 'request on the control socket');
        return reply(text);
      }
    } catch (error) {
      reply(encodeFailure(error));
    }
  };
  socket.on('data', read);
  socket.on('error', (error) => log.debug({ err: describeError(error) }, 'a control connection failed'));
  const limit = setTimeout(() => socket.destroy(), REQUEST_TIMEOUT_MS).unref();
  socket.on('close', () => clearTimeout(limit));
}
