import { readFileSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { type Spool, type SpooledFile, spooledFile } from './spool-archive.js';

/** The parts of the image formats that we read; everything else in them is ignored. */
export type JsonObject = Readonly<Record<string, unknown>>;

const MAX_JSON_BYTES = 4 * 1024 * 1024;

/**
 * Reads a JSON file of the image.
 * @param name for messages.
 * @throws DeployError invalid, corrupt, too-large.
 */
export function readImageJson(file: SpooledFile, name: string): unknown {
  if (file.size > MAX_JSON_BYTES) throw new DeployError('too-large', `${name} in the image is too long`);
  try {
    return JSON.parse(readFileSync(file.path, 'utf8'));
  } catch (error) {
    throw new DeployError('corrupt', `${name} in the image is not valid JSON`, { cause: error });
  }
}

/** The blob of a digest, `sha256:<hex>`, verified. @throws DeployError corrupt, unsupported. */
export function verifiedBlob(spool: Spool, digest: string): SpooledFile {
  const hex = /^sha256:([0-9a-f]{64})$/.exec(digest)?.[1];
  if (hex === undefined)
    throw new DeployError('unsupported', `unknown kind of digest in the image: ${digest}`);
  const file = spooledFile(spool, `blobs/sha256/${hex}`);
  if (file === undefined) throw new DeployError('corrupt', `the image lacks blob ${digest}`);
  if (file.sha256 !== hex) throw new DeployError('corrupt', `blob ${digest} of the image is damaged`);
  return file;
}

/** @throws DeployError corrupt, naming what is malformed. */
export function asObject(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(what);
  return value as JsonObject;
}

/** @throws DeployError corrupt. */
export function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(what);
  return value;
}

/** @throws DeployError corrupt. */
export function asString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw malformed(what);
  return value;
}

function malformed(what: string): DeployError {
  return new DeployError('corrupt', `${what} in the image is malformed`);
}
