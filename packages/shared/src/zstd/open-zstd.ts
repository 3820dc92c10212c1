import { createRequire } from 'node:module';
import { DeployError } from '../errors.js';
import { type Binding, NapiZstd } from './napi-zstd.js';
import { NodeZstd, type ZlibWithZstd } from './node-zstd.js';
import type { Zstd } from './zstd.js';

const require = createRequire(import.meta.url);

/**
 * Opens zstd of Node.js, which has it since 22.15; else the package zstd-napi, which is only loaded then.
 * @throws DeployError unsupported when there is neither.
 */
export function openZstd(
  node: Partial<ZlibWithZstd> = require('node:zlib'),
  load: (name: string) => Binding = require,
): Zstd {
  if (hasZstd(node)) return new NodeZstd(node, process.versions);
  try {
    return new NapiZstd(load('zstd-napi/binding.js'));
  } catch (error) {
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n');
    throw new DeployError(
      'unsupported',
      `Node.js ${process.version} has no zstd, and the package zstd-napi cannot be loaded: ${reason}`,
      {
        hint: 'use Node.js 22.15 or newer, or install again: "npm ci" says why a package is missing',
        cause: error,
      },
    );
  }
}

function hasZstd(node: Partial<ZlibWithZstd>): node is ZlibWithZstd {
  return node.createZstdDecompress !== undefined;
}
