import { decodeConfigJson } from '@deploy-tools/shared/config-json.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
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

/**
 * `{"Name":…,"Version":…,"File":"files/<hash>","Hash":…,"Ctime":…}`
 * @throws DeployError corrupt.
 */
export function decodeVersion(value: Buffer): GoVersion {
  const json = parseJson(value);
  const { Name, Version, Hash, Ctime } = json;
  if (typeof Name !== 'string' || typeof Version !== 'string' || typeof Ctime !== 'string') {
    throw new DeployError('corrupt', 'a key of it is missing');
  }
  if (typeof Hash !== 'string' || !/^[0-9a-f]{64}$/.test(Hash)) {
    throw new DeployError('corrupt', 'its Hash is malformed');
  }
  return { component: Name, version: Version, hash: Hash, created: parseGoTime(Ctime) };
}

/** The form that agents read; its hash must be that of its layers. @throws DeployError corrupt. */
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

/** @throws DeployError corrupt when the bytes are not UTF-8: names are text here. */
export function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new DeployError('corrupt', 'it is not UTF-8', { cause: error });
  }
}

function parseJson(value: Buffer): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(decodeUtf8(value));
  } catch (error) {
    throw new DeployError('corrupt', 'it is not JSON', { cause: error });
  }
  if (typeof json !== 'object' || json === null) throw new DeployError('corrupt', 'it is not an object');
  return json as Readonly<Record<string, unknown>>;
}
