import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DeployError, errnoOf, toDeployError } from '@deploy-tools/shared/errors.js';
import type { Fields } from '@deploy-tools/shared/json/json-schemas.js';
import { BoundedLines } from '@deploy-tools/shared/report/bounded-lines.js';
import { type ControlRequest, decodeAnswer, encodeRequest, MAX_ANSWER } from './control-line.js';

const ANSWER_TIMEOUT_MS = 10_000;

/** Path of an agent's control socket. @param dir of the agent. */
export function controlPath(dir: string): string {
  return join(dir, 'agent.sock');
}

/**
 * Sends a request to the agent that runs in a directory.
 * @returns an object for each configuration.
 * @throws DeployError not-found when no agent runs there; denied; timeout; the agent's error.
 */
export async function callAgent(dir: string, request: ControlRequest): Promise<Fields[]> {
  return decodeAnswer(await exchange(dir, encodeRequest(request)));
}

function exchange(dir: string, line: string): Promise<string> {
  const socket = connect(controlPath(dir));
  const lines = new BoundedLines(MAX_ANSWER);
  return new Promise<string>((resolve, reject) => {
    const late = () =>
      reject(
        new DeployError('timeout', `the agent in ${dir} does not answer`, {
          hint: 'see its log; it may be stopped (SIGSTOP) or the host may be overloaded',
        }),
      );
    socket.setTimeout(ANSWER_TIMEOUT_MS, late);
    socket.on('error', (error) => reject(explained(dir, error)));
    socket.on('end', () => reject(new DeployError('connect', `the agent in ${dir} ended without an answer`)));
    socket.on('data', (chunk) => {
      try {
        for (const answer of lines.push(chunk)) resolve(answer);
      } catch (error) {
        reject(toDeployError(error));
      }
    });
    socket.write(line);
  }).finally(() => socket.destroy());
}

function explained(dir: string, error: Error): DeployError {
  const code = errnoOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED')
    return new DeployError('not-found', `no agent runs in ${dir}`, {
      hint: 'check -dir: it has to be the directory that the agent was started with',
      cause: error,
    });
  if (code !== 'EACCES' && code !== 'EPERM') return toDeployError(error);
  const owner = statSync(dir, { throwIfNoEntry: false })?.uid;
  return new DeployError('denied', `you may not talk to the agent in ${dir}`, {
    hint: owner === undefined ? 'use sudo' : `use sudo, or be the user ${owner} that it runs as`,
    cause: error,
  });
}
