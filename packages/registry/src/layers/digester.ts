import type { StoredBlob } from '@deploy-tools/shared/model.js';

/** Hashes files of this host, outside of the event loop, one at a time. */
export interface Digester {
  /** @throws DeployError not-found; another kind when the file cannot be read. */
  digest(path: string): Promise<StoredBlob>;
  /** Ends the digester and the digest that it computes. */
  close(): Promise<void>;
}
