import ssh2, { type OpenSSHAgent } from 'ssh2';
import { DeployError } from '../errors.js';
import { fingerprintOf } from './fingerprint.js';
import type { Credential } from './identity.js';

/** How long to wait for the agent: a forwarded one behind a stalled connection never answers. */
const ANSWER_LIMIT_MS = 10_000;

/**
 * Uses the keys of a running ssh-agent.
 * @param socket the value of SSH_AUTH_SOCK.
 * @throws DeployError auth when the variable is not set, no agent answers, or the agent has no key.
 */
export async function connectAgent(socket: string | undefined): Promise<Credential> {
  if (socket === undefined || socket === '') {
    throw new DeployError('auth', 'no key to authenticate with: SSH_AUTH_SOCK is not set', {
      hint: 'start an ssh-agent and ssh-add a key, or name a key file with -key',
    });
  }
  const agent = new ssh2.OpenSSHAgent(socket);
  const labels = await agentKeyLabels(agent, socket);
  if (labels.length === 0) {
    throw new DeployError('auth', `the ssh-agent at ${socket} has no keys`, {
      hint: 'add one with ssh-add, or name a key file with -key',
    });
  }
  return { kind: 'agent', labels, agent };
}

function agentKeyLabels(agent: OpenSSHAgent, socket: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string, cause?: unknown) =>
      reject(
        new DeployError('auth', `the ssh-agent at ${socket} cannot be used: ${reason}`, {
          hint: 'check that it is running and SSH_AUTH_SOCK names it, or name a key file with -key',
          cause,
        }),
      );
    const timer = setTimeout(() => fail('no answer'), ANSWER_LIMIT_MS);
    agent.getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error != null) fail(error.message, error);
      else resolve((keys ?? []).map(labelOf));
    });
  });
}

function labelOf(key: unknown): string {
  const parsed = ssh2.utils.parseKey(key as Buffer);
  if (parsed instanceof Error) return 'agent key';
  return `agent key ${parsed.comment === '' ? parsed.type : parsed.comment} (${fingerprintOf(parsed.getPublicSSH())})`;
}
