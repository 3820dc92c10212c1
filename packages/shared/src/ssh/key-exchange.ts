import kex from 'ssh2/lib/protocol/kex.js';
import { DeployError } from '../errors.js';
import { CIPHERTEXT_BYTES, type MlKem, PUBLIC_KEY_BYTES } from './ml-kem.js';
import { nodeMlKem } from './node-ml-kem.js';

/** The post-quantum key exchange (draft-ietf-sshm-mlkem-hybrid-kex), which is OpenSSH's default since 9.9. */
export const POST_QUANTUM_KEX = 'mlkem768x25519-sha256';

let loading: Promise<void> | undefined;

/**
 * Adds the post-quantum key exchange to ssh2. Awaited before a connection is made or accepted; may be called many times.
 * @throws DeployError unsupported when the installed ssh2 lacks the changes of tools/ssh2-hunks.mjs.
 */
export function enablePostQuantumKex(): Promise<void> {
  loading ??= enable();
  return loading;
}

async function enable(): Promise<void> {
  if (kex.setKem === undefined) {
    throw new DeployError(
      'unsupported',
      'the installed SSH library lacks the changes that come with these programs',
      {
        hint: 'in a clone run npm ci, which applies them',
      },
    );
  }
  kex.setKem({ ...(await loadMlKem()), publicKeyBytes: PUBLIC_KEY_BYTES, ciphertextBytes: CIPHERTEXT_BYTES });
}

/** ML-KEM of Node.js where it exists, which is ten times as fast; else of @noble/post-quantum. */
async function loadMlKem(): Promise<MlKem> {
  const own = nodeMlKem();
  if (own !== undefined) return own;
  const { portableMlKem } = await import('./portable-ml-kem.js');
  return portableMlKem();
}
