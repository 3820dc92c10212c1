import { createHash } from 'node:crypto';
import { DeployError } from '../errors.js';

/** The fingerprint that OpenSSH prints: `SHA256:` and the unpadded base64 of the public key blob's SHA-256. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(publicKey).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Parses a pasted fingerprint: with or without padding, the prefix in any case.
 * @returns the form of {@link fingerprintOf}.
 * @throws DeployError usage.
 */
export function parseFingerprint(text: string): string {
  const digest = /^sha256:([A-Za-z0-9+/]{43})=?$/i.exec(text.trim())?.[1];
  if (digest === undefined) {
    throw new DeployError('usage', `invalid fingerprint "${text}"`, {
      hint: 'copy it from the log of the registry: SHA256: and 43 characters',
    });
  }
  return `SHA256:${digest}`;
}

/** The key type at the start of a public key blob (RFC 4253, section 6.6); undefined when there is none. */
export function keyTypeOf(publicKey: Uint8Array): string | undefined {
  const bytes = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.byteLength);
  if (bytes.length < 4) return undefined;
  const length = bytes.readUInt32BE(0);
  if (length === 0 || length > 64 || bytes.length < 4 + length) return undefined;
  return bytes.toString('latin1', 4, 4 + length);
}
