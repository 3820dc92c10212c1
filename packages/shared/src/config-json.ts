import * as z from 'zod/mini';
import { decodeJson } from './json/decode-json.js';
import { countSchema, hashSchema, lenient, wireObject } from './json/json-schemas.js';
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
  /** Bytes of the archive; absent from a Go registry. */
  readonly size?: number;
  /** Hex SHA-256 of the layer's manifest; absent when the registry has none: see docs/manifest-and-pack.md. */
  readonly manifest?: string;
}

/** A configuration as an agent reads it. */
export interface AgentConfig {
  readonly name: string;
  readonly mtime: string;
  readonly hash: string;
  /** Absent from a Go registry. */
  readonly revision?: number;
  readonly layers: readonly ConfigLayer[];
}

/** The most layers a configuration may have; also bounds what an agent accepts. */
export const MAX_LAYERS = 500;

/**
 * `/configs/NAME.json`: tab-indented, a final newline, the Go registry's keys first; `Revision`, `Size` and
 * `Manifest` are ours, and Go agents ignore them. See docs/protocol.md.
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

/** A string that is safe as an environment variable's value: not empty, no NUL. */
const wordSchema = z.string().check(z.regex(/^[^\0]+$/));

const layerSchema = wireObject({
  Name: wordSchema,
  Version: wordSchema,
  File: wordSchema,
  Hash: hashSchema,
  Ctime: wordSchema,
  Size: lenient(countSchema),
  Manifest: lenient(hashSchema),
});

/**
 * What {@link encodeConfigJson} or the Go registry wrote. Hashes become directory names on the agent's host, so they are
 * checked here, once; the configuration hash has to be that of the layers. One of our own fields that is malformed counts as
 * absent: everything works without it.
 */
export const configSchema = wireObject({
  Name: wordSchema,
  Mtime: wordSchema,
  Hash: hashSchema,
  Layers: z.array(layerSchema).check(z.minLength(1), z.maxLength(MAX_LAYERS)),
  Revision: lenient(countSchema),
}).check(
  z.refine(({ hash, layers }) => hash === configurationHash(layers.map((layer) => layer.hash)), {
    error: 'it is not the hash of its layers',
    path: ['Hash'],
  }),
);

/** Reads a configuration as {@link configSchema} has it. @throws DeployError corrupt, naming the field. */
export function decodeConfigJson(text: string): AgentConfig {
  return decodeJson(text, configSchema, { what: 'the configuration', kind: 'corrupt' });
}
