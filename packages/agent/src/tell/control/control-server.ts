import { chmodSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
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

/** At once; people and event handlers are few. */
const MAX_CONNECTIONS = 32;
/** For the request to come, and for the answer to be read. */
const REQUEST_TIMEOUT_MS = 5000;

export interface ControlServer {
  close(): void;
}

export interface ControlServerOptions {
  /** Of the socket. */
  readonly path: string;
  /** What each configuration has to say. @throws DeployError */
  readonly answer: (request: ControlRequest) => readonly object[];
  readonly log: Logger;
}

/**
 * Answers one request a connection: a line of JSON each way. The socket is its owner's alone (0600) from the moment that it
 * has its name; one that an agent before this left behind is replaced. The directory has to be taken.
 * @returns undefined, with a warning, when there cannot be a socket: the agent does its work without.
 */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer | undefined> {
  const { path, log } = options;
  const fresh = join(dirname(path), '.agent.sock');
  const server = createServer((socket) => serve(socket, options));
  server.maxConnections = MAX_CONNECTIONS;
  try {
    rmSync(fresh, { force: true });
    await listening(server, fresh);
    chmodSync(fresh, 0o600);
    renameSync(fresh, path);
  } catch (error) {
    server.close();
    log.warn({ path, err: describeError(error) }, 'deploy-agent ctl will not work here');
    return undefined;
  }
  server.on('error', (error) =>
    log.warn({ err: describeError(error) }, 'the control socket failed; ctl reaches the agent no more'),
  );
  return {
    close: () => {
      rmSync(path, { force: true });
      server.close();
    },
  };
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
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
        log.debug(
          { command: request.command, configuration: request.name },
          'asked by somebody on this host',
        );
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
