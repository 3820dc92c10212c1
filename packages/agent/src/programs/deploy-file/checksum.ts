import { DeployError } from '@deploy-tools/shared/errors.js';

/** What the content of a file is compared with. */
export interface Checksum {
  /** As node:crypto names it. */
  readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512';
  /** Lower case. */
  readonly hex: string;
  /** Collisions can be made: it tells damage, but not malice. */
  readonly isWeak: boolean;
}

const ALGORITHMS: Readonly<Record<number, Checksum['algorithm']>> = {
  32: 'md5',
  40: 'sha1',
  64: 'sha256',
  128: 'sha512',
};

/** Parses a checksum; its length says which kind it is. @throws DeployError invalid. */
export function parseChecksum(text: string): Checksum {
  const algorithm = ALGORITHMS[text.length];
  if (algorithm === undefined || !/^[0-9a-f]*$/i.test(text)) {
    throw new DeployError('invalid', `"${text}" is no checksum`, {
      hint: 'give md5, sha1, sha256 or sha512 in hex, best sha256',
    });
  }
  return { algorithm, hex: text.toLowerCase(), isWeak: algorithm === 'md5' || algorithm === 'sha1' };
}
