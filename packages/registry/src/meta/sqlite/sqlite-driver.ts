import { createRequire } from 'node:module';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type BetterSqlite3 from 'better-sqlite3';

const require = createRequire(import.meta.url);

/** The version of Node-API that better-sqlite3 13 needs: with an older one (Node.js before 22.14) it ends the process. */
const NODE_API = 10;

/**
 * Loads the driver that fits this Node.js. better-sqlite3 13 comes with its binary and is not compiled. Version 12 is for
 * Node.js before 22.14 alone: from 24.19 on it aborts the process when a statement is collected as garbage
 * (https://github.com/nodejs/node/issues/65446).
 * @throws DeployError unsupported when it cannot be loaded.
 */
export function loadSqlite(
  load: (name: string) => typeof BetterSqlite3 = require,
  nodeApi: string | undefined = process.versions.napi,
): typeof BetterSqlite3 {
  const name = Number(nodeApi) >= NODE_API ? 'better-sqlite3' : 'better-sqlite3-12';
  try {
    return load(name);
  } catch (error) {
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n');
    throw new DeployError('unsupported', `the package ${name} cannot be loaded: ${reason}`, {
      hint: 'install again with the Node.js that runs the registry: "npm ci" says why a package is missing',
      cause: error,
    });
  }
}
