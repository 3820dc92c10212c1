import { readFileSync } from 'node:fs';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { decodeJson, type JsonSubject } from '@deploy-tools/shared/json/decode-json.js';
import type * as z from 'zod/mini';
import { type Spool, type SpooledFile, spooledFile } from './spool-archive.js';

const MAX_JSON_BYTES = 4 * 1024 * 1024;

/**
 * Reads a JSON file of the image; fields that the schema does not have are ignored.
 * @param name for messages.
 * @throws DeployError corrupt, too-large.
 */
export function readImageJson<Schema extends z.core.$ZodType>(
  file: SpooledFile,
  name: string,
  schema: Schema,
): z.output<Schema> {
  if (file.size > MAX_JSON_BYTES) throw new DeployError('too-large', `${name} in the image is too long`);
  return decodeJson(readFileSync(file.path, 'utf8'), schema, imageJson(name));
}

/** How errors name a JSON file of the image. */
export function imageJson(name: string): JsonSubject {
  return { what: `${name} in the image`, kind: 'corrupt' };
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
