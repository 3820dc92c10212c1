import kex from 'ssh2/lib/protocol/kex.js';
import { DeployError } from '../errors.js';
import { CIPHERTEXT_BYTES, type MlKem, PUBLIC_KEY_BYTES } from './ml-kem.js';
import { nodeMlKem } from './node-ml-kem.js';

/** The post-quantum key exchange (draft-ietf-sshm-mlkem-hybrid-kex), OpenSSH's default since 9.9. */
export const POST_QUANTUM_KEX = 'mlkem768x25519-sha256';

let loading: Promise<void> | undefined;

/**
 * Gives ssh2 the post-quantum key exchange. Has to be waited for before a connection is made or accepted, and may be called any
 * number of times.
 * @throws DeployError unsupported when the ssh2 that is installed does not have the changes of tools/ssh2-hunks.mjs.
 */
export function enablePostQuantumKex(): Promise<void> {
  loading ??= enable();
  return loading;
}

async function enable(): Promise<void> {
  if (kex.setKem === undefined) {
    throw new DeployError(
      'unsupported',
      'the SSH library that is installed lacks the changes that come with these programs',
      {
        hint: 'in a clone run npm ci, which applies them',
      },
    );
  }
  kex.setKem({ ...(await loadMlKem()), publicKeyBytes: PUBLIC_KEY_BYTES, ciphertextBytes: CIPHERTEXT_BYTES });
}

/** Node.js's own where it has it, which is ten times as fast; otherwise that of @noble/post-quantum. */
async function loadMlKem(): Promise<MlKem> {
  const own = nodeMlKem();
  if (own !== undefined) return own;
  const { portableMlKem } = await import('./portable-ml-kem.js');
  return portableMlKem();
}
