import { decodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import { hashSchema } from '@deploy-tools/shared/json/json-schemas.js';
import * as z from 'zod/mini';
import { type GoTime, parseGoTime } from './go-time.js';

/** A version as the Go registry stores it. */
export interface GoVersion {
  readonly component: string;
  readonly version: string;
  /** Hex SHA-256 of the archive. */
  readonly hash: string;
  readonly created: GoTime;
}

/** One state of a configuration. */
export interface GoRevision {
  readonly name: string;
  readonly hash: string;
  readonly mtime: GoTime;
  readonly layers: readonly GoVersion[];
}

const versionSchema = z.object({
  Name: z.string(),
  Version: z.string(),
  Hash: hashSchema,
  Ctime: z.string(),
});

/** Reads `{"Name":…,"Version":…,"File":"files/<hash>","Hash":…,"Ctime":…}`. @throws DeployError corrupt. */
export function decodeVersion(value: Buffer): GoVersion {
  const subject = { what: 'the version', kind: 'corrupt' } as const;
  const { Name, Version, Hash, Ctime } = decodeJson(decodeUtf8(value), versionSchema, subject);
  return { component: Name, version: Version, hash: Hash, created: parseGoTime(Ctime) };
}

/** Reads a configuration in the format for agents, and compares its hash with its layers. @throws DeployError corrupt. */
export function decodeRevision(value: Buffer): GoRevision {
  const { name, hash, mtime, layers } = decodeConfigJson(decodeUtf8(value));
  return {
    name,
    hash,
    mtime: parseGoTime(mtime),
    layers: layers.map((layer) => ({
      component: layer.name,
      version: layer.version,
      hash: layer.hash,
      created: parseGoTime(layer.ctime),
    })),
  };
}

/** Decodes a name or a value. @throws DeployError corrupt when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new DeployError('corrupt', 'it is not UTF-8', { cause: error });
  }
}
