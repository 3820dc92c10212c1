import type { AnyAuthMethod } from 'ssh2';
import { DeployError } from '../errors.js';
import { type Address, formatAddress } from './address.js';
import { fingerprintOf } from './fingerprint.js';
import type { HostKeyPolicy } from './host-key-policy.js';
import { type Identity, keyLabels } from './identity.js';

/** Every credential was offered and none was accepted. */
export class KeysRefused extends Error {}

/** What OpenSSH's server says as it hangs up on a client with many keys. */
const TOO_MANY_KEYS = /too many authentication failures/i;

/** Whether the other side has said no to our keys, and not merely hung up. */
function isRefusal(error: Error): boolean {
  if (error instanceof KeysRefused) return true;
  return ('level' in error && error.level === 'client-authentication') || TOO_MANY_KEYS.test(error.message);
}

/** One attempt to connect: what was seen so far, which decides what a failure means. */
export class ConnectAttempt {
  hostFingerprint = '';
  serverIdent = '';
  readonly #address: Address;
  readonly #policy: HostKeyPolicy;
  readonly #options: { readonly user: string; readonly identity: Identity };
  #greeting = '';
  #hostKeyError: DeployError | undefined;
  #isEncrypted = false;
  #offered = 0;

  constructor(
    address: Address,
    policy: HostKeyPolicy,
    options: { readonly user: string; readonly identity: Identity },
  ) {
    this.#address = address;
    this.#policy = policy;
    this.#options = options;
  }

  encrypted(): void {
    this.#isEncrypted = true;
  }

  /** @returns true when the identification line was found or will not come. */
  readIdent(chunk: Buffer): boolean {
    this.#greeting += chunk.toString('latin1');
    const ident = /^(SSH-[^\r\n]*)\r?\n/m.exec(this.#greeting)?.[1];
    this.serverIdent = ident ?? '';
    return ident !== undefined || this.#greeting.length > 8192;
  }

  acceptsHostKey(key: Buffer): boolean {
    this.hostFingerprint = fingerprintOf(key);
    this.#hostKeyError = this.#policy.verify(key);
    return this.#hostKeyError === undefined;
  }

  /** What to authenticate with next; undefined when all of it was refused. */
  nextCredential(): AnyAuthMethod | undefined {
    const credential = this.#options.identity.credentials[this.#offered];
    this.#offered += 1;
    const username = this.#options.user;
    switch (credential?.kind) {
      case 'key':
        return { type: 'publickey', username, key: credential.key };
      case 'agent':
        return { type: 'agent', username, agent: credential.agent };
      case undefined:
        return undefined;
    }
  }

  /** What a failure of ssh2 means to a person. */
  explain(error: Error): DeployError {
    if (this.#hostKeyError !== undefined) return this.#hostKeyError;
    if (error instanceof DeployError) return error;
    const at = formatAddress(this.#address);
    if (isRefusal(error)) return this.#authError(at, error);
    if (this.#isEncrypted)
      return new DeployError(
        'connect',
        `the connection to ${at} was lost before a key was accepted or refused: ${error.message}`,
        { hint: 'the registry may be starting again, or have too many connections: try again', cause: error },
      );
    return new DeployError('connect', `cannot connect to ${at}: ${error.message}`, {
      hint: 'check that the address is that of a registry and not of another service',
      cause: error,
    });
  }

  #authError(at: string, error: Error): DeployError {
    const keys = keyLabels(this.#options.identity);
    const tried = keys.length === 0 ? 'there was no key to try' : `tried ${keys.join(', ')}`;
    const reason = error instanceof KeysRefused ? '' : ` (${error.message})`;
    return new DeployError('auth', `${at} does not accept user ${this.#options.user}${reason}: ${tried}`, {
      hint: 'the public key must be in a key file of the registry; -key chooses another one',
      cause: error,
    });
  }
}
