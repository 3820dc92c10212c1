import { DeployError } from './errors.js';
import { type ComponentVersion, type Configuration, configurationHash } from './model.js';

/** One layer as an agent reads it. */
export interface ConfigLayer {
  readonly name: string;
  readonly version: string;
  /** Path of the archive below the agent's SFTP root: `files/<hash>`. */
  readonly file: string;
  /** Hex SHA-256 of the archive. */
  readonly hash: string;
  readonly ctime: string;
  /** Bytes of the archive; absent when the registry is the original. */
  readonly size?: number;
  /** Hex SHA-256 of the layer's manifest; absent when the registry has none: see docs/manifest-and-pack.md. */
  readonly manifest?: string;
}

/** A configuration as an agent reads it. */
export interface AgentConfig {
  readonly name: string;
  readonly mtime: string;
  readonly hash: string;
  /** Absent when the registry is the original. */
  readonly revision?: number;
  readonly layers: readonly ConfigLayer[];
}

/** The most layers a configuration may have; also bounds what an agent accepts. */
export const MAX_LAYERS = 500;

/**
 * `/configs/NAME.json`: tab-indented, a final newline, the original's keys first; `Revision`, `Size` and `Manifest`
 * are ours and ignored by the original. See docs/protocol.md.
 */
export function encodeConfigJson(config: AgentConfig): string {
  const json = {
    Name: config.name,
    Mtime: config.mtime,
    Hash: config.hash,
    Layers: config.layers.map((layer) => ({
      Name: layer.name,
      Version: layer.version,
      File: layer.file,
      Hash: layer.hash,
      Ctime: layer.ctime,
      ...(layer.size === undefined ? {} : { Size: layer.size }),
      ...(layer.manifest === undefined ? {} : { Manifest: layer.manifest }),
    })),
    ...(config.revision === undefined ? {} : { Revision: config.revision }),
  };
  return `${JSON.stringify(json, null, '\t')}\n`;
}

/**
 * The registry's configuration in the shape that agents read.
 * @param manifestOf the digest of the manifest made of the archive with that hash, where there is one.
 */
export function toAgentConfig(
  configuration: Configuration,
  manifestOf: (archive: string) => string | undefined,
): AgentConfig {
  return {
    name: configuration.name,
    mtime: configuration.mtime,
    hash: configuration.hash,
    revision: configuration.revision,
    layers: configuration.layers.map((layer) => agentLayer(layer, manifestOf(layer.hash))),
  };
}

function agentLayer(layer: ComponentVersion, manifest: string | undefined): ConfigLayer {
  return {
    name: layer.component,
    version: layer.version,
    file: `files/${layer.hash}`,
    hash: layer.hash,
    ctime: layer.created,
    size: layer.size,
    ...(manifest === undefined ? {} : { manifest }),
  };
}

/**
 * Reads what {@link encodeConfigJson} or the original wrote. Hashes become directory names on the agent's host, so
 * they are checked here, once; the configuration hash must be that of the layers. Of our own keys, one that is not
 * as it should be counts as absent: everything works without them.
 * @throws DeployError corrupt, naming the key that is wrong.
 */
export function decodeConfigJson(text: string): AgentConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new DeployError('corrupt', 'the configuration is not valid JSON', { cause: error });
  }
  const config = asObject(json, 'configuration');
  const list = config.Layers;
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_LAYERS) throw wrong('Layers');
  const layers = list.map((item: unknown, index) =>
    decodeLayer(asObject(item, `Layers[${index}]`), `Layers[${index}]`),
  );
  const hash = asHash(config.Hash, 'Hash');
  if (hash !== configurationHash(layers.map((layer) => layer.hash))) {
    throw new DeployError('corrupt', 'the configuration hash is not the hash of its layers');
  }
  return {
    name: asString(config.Name, 'Name'),
    mtime: asString(config.Mtime, 'Mtime'),
    hash,
    layers,
    ...(isCount(config.Revision) ? { revision: config.Revision } : {}),
  };
}

function decodeLayer(layer: Record<string, unknown>, at: string): ConfigLayer {
  const hash = asHash(layer.Hash, `${at}.Hash`);
  const file = asString(layer.File, `${at}.File`);
  return {
    name: asString(layer.Name, `${at}.Name`),
    version: asString(layer.Version, `${at}.Version`),
    file,
    hash,
    ctime: asString(layer.Ctime, `${at}.Ctime`),
    ...(isCount(layer.Size) ? { size: layer.Size } : {}),
    ...(isHash(layer.Manifest) ? { manifest: layer.Manifest } : {}),
  };
}

function asObject(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(at);
  return value as Record<string, unknown>;
}

/** A string that is safe as an environment variable's value: no NUL. */
function asString(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw wrong(at);
  return value;
}

function asHash(value: unknown, at: string): string {
  if (!isHash(value)) throw wrong(at);
  return value;
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function wrong(at: string): DeployError {
  return new DeployError('corrupt', `the configuration's ${at} is missing or malformed`);
}
