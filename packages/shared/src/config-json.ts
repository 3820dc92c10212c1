import * as z from 'zod/mini';
import { decodeJson } from './json/decode-json.js';
import { countSchema, hashSchema, lenient, wireObject } from './json/json-schemas.js';
import { type ComponentVersion, type Configuration, configurationHash } from './model.js';

/** The most layers of a configuration, for registries and agents. */
export const MAX_LAYERS = 500;

/** A string that can be the value of an environment variable: not empty, without NUL. */
const wordSchema = z.string().check(z.regex(/^[^\0]+$/));

const layerSchema = wireObject({
  Name: wordSchema,
  Version: wordSchema,
  /** Path of the archive below the agent's SFTP root: `files/<hash>`. */
  File: wordSchema,
  /** Hex SHA-256 of the archive. */
  Hash: hashSchema,
  Ctime: wordSchema,
  /** Bytes of the archive; absent from a Go registry. */
  Size: lenient(countSchema),
  /** Hex SHA-256 of the layer's manifest, where the registry has one: docs/manifest-and-pack.md. */
  Manifest: lenient(hashSchema),
});

/**
 * A configuration as {@link encodeConfigJson} or the Go registry writes it. Hashes become directory names on the agent's host, so
 * they are checked here, once. A malformed field that the Go registry does not have counts as absent.
 */
export const configSchema = wireObject({
  Name: wordSchema,
  Mtime: wordSchema,
  Hash: hashSchema,
  Layers: z.readonly(z.array(layerSchema).check(z.minLength(1), z.maxLength(MAX_LAYERS))),
  /** Absent from a Go registry. */
  Revision: lenient(countSchema),
}).check(
  z.refine(({ hash, layers }) => hash === configurationHash(layers.map((layer) => layer.hash)), {
    error: 'it is not the hash of its layers',
    path: ['Hash'],
  }),
);

/** One layer as an agent reads it. */
export type ConfigLayer = z.output<typeof layerSchema>;

/** A configuration as an agent reads it. */
export type AgentConfig = z.output<typeof configSchema>;

/** Decodes a configuration, see {@link configSchema}. @throws DeployError corrupt, naming the field. */
export function decodeConfigJson(text: string): AgentConfig {
  return decodeJson(text, configSchema, { what: 'the configuration', kind: 'corrupt' });
}

/**
 * Encodes `/configs/NAME.json`: tab-indented, with a final newline, the Go registry's keys first. `Revision`, `Size` and `Manifest`
 * are ours, and Go agents ignore them. See docs/protocol.md.
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
 * Converts the registry's configuration to the form for agents.
 * @param manifestOf returns the digest of an archive's manifest, by the archive's hash.
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
