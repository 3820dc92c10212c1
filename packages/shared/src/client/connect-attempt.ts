import type { AnyAuthMethod } from 'ssh2';
import { DeployError } from '../errors.js';
import { type Address, formatAddress } from './address.js';
import { fingerprintOf } from './fingerprint.js';
import type { HostKeyPolicy } from './host-key-policy.js';
import { type Identity, keyLabels } from './identity.js';

/** The peer has accepted none of our credentials. */
export class KeysRefused extends Error {}

/** OpenSSH's message when it disconnects a client with many keys. */
const TOO_MANY_KEYS = /too many authentication failures/i;

/** Whether the peer has refused our keys, and not merely closed the connection. */
function isRefusal(error: Error): boolean {
  if (error instanceof KeysRefused) return true;
  return ('level' in error && error.level === 'client-authentication') || TOO_MANY_KEYS.test(error.message);
}

/** The other side of an attempt, and who we are to it. */
export interface Peer {
  readonly address: Address;
  readonly policy: HostKeyPolicy;
  readonly options: { readonly user: string; readonly identity: Identity };
}

/** The state of one attempt to connect, which decides what an error of ssh2 means. */
export class ConnectAttempt {
  hostFingerprint = '';
  serverIdent = '';
  readonly #peer: Peer;
  #greeting = '';
  #hostKeyError: DeployError | undefined;
  #isEncrypted = false;
  #offered = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  encrypted(): void {
    this.#isEncrypted = true;
  }

  /** Looks for the peer's identification line. @returns true when no more bytes are needed. */
  readIdent(chunk: Buffer): boolean {
    this.#greeting += chunk.toString('latin1');
    const ident = /^(SSH-[^\r\n]*)\r?\n/m.exec(this.#greeting)?.[1];
    this.serverIdent = ident ?? '';
    return ident !== undefined || this.#greeting.length > 8192;
  }

  acceptsHostKey(key: Buffer): boolean {
    this.hostFingerprint = fingerprintOf(key);
    this.#hostKeyError = this.#peer.policy.verify(key);
    return this.#hostKeyError === undefined;
  }

  /** The next credential to offer; undefined when all were refused. */
  nextCredential(): AnyAuthMethod | undefined {
    const credential = this.#peer.options.identity.credentials[this.#offered];
    this.#offered += 1;
    const username = this.#peer.options.user;
    switch (credential?.kind) {
      case 'key':
        return { type: 'publickey', username, key: credential.key };
      case 'agent':
        return { type: 'agent', username, agent: credential.agent };
      case undefined:
        return undefined;
    }
  }

  /** The error for people that an error of ssh2 stands for. */
  explain(error: Error): DeployError {
    if (this.#hostKeyError !== undefined) return this.#hostKeyError;
    if (error instanceof DeployError) return error;
    const at = formatAddress(this.#peer.address);
    if (isRefusal(error)) return this.#authError(at, error);
    if (this.#isEncrypted)
      return new DeployError(
        'connect',
        `the connection to ${at} was lost before a key was accepted or refused: ${error.message}`,
        { hint: 'the registry may be restarting, or have too many connections: try again', cause: error },
      );
    return new DeployError('connect', `cannot connect to ${at}: ${error.message}`, {
      hint: 'check that a registry listens at this address, and no other service',
      cause: error,
    });
  }

  #authError(at: string, error: Error): DeployError {
    const keys = keyLabels(this.#peer.options.identity);
    const tried = keys.length === 0 ? 'there was no key to try' : `tried ${keys.join(', ')}`;
    const reason = error instanceof KeysRefused ? '' : ` (${error.message})`;
    return new DeployError(
      'auth',
      `${at} does not accept user ${this.#peer.options.user}${reason}: ${tried}`,
      {
        hint: 'add the public key to a key file of the registry, or choose another key with -key',
        cause: error,
      },
    );
  }
}
