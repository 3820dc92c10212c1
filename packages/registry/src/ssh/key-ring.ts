import { isAbsolute, resolve } from 'node:path';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { DeployError, describeError, errnoOf, isDeployError } from '@deploy-tools/shared/errors.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import { type FSWatcher, watch } from 'chokidar';
import { type AuthorizedKey, parseAuthorizedKeys } from './authorized-keys.js';

/** Room for several thousand keys. */
const MAX_KEY_FILE_BYTES = 1024 * 1024;

/** SSH's user name for agents; every other name is an operator's. */
export const AGENT_USER = 'deploy-agent';

export interface KeyRing {
  /** The key with this wire form among those of the role, or undefined. */
  find(role: Role, blob: Buffer): AuthorizedKey | undefined;
  /** Whether an agent's key is bound to this host, by the option `host=`. */
  isBound(host: string): boolean;
  /** Called after a key file took effect. */
  onChange(listener: () => void): void;
  close(): Promise<void>;
}

export interface KeyFiles {
  readonly operator: string;
  readonly agent: string;
}

/**
 * Reads both key files and keeps them current while it lives. A file that cannot be used any more is logged and the
 * keys of its last good version stay.
 * @throws DeployError invalid when a file cannot be used at the start.
 */
export function openKeyRing(files: KeyFiles, log: Logger): KeyRing {
  const keys: Record<Role, AuthorizedKey[]> = {
    operator: load(files.operator, 'operator'),
    agent: load(files.agent, 'agent'),
  };
  const listeners: (() => void)[] = [];
  const reload = (role: Role) => {
    const path = files[role];
    try {
      keys[role] = load(path, role);
      log.info({ path, role, keys: keys[role].length }, 'key file loaded');
      for (const listener of listeners) listener();
    } catch (error) {
      log.error({ path, role, err: describeError(error) }, 'key file not usable, keeping the keys in force');
    }
  };
  const watchers: FSWatcher[] = (['operator', 'agent'] as const).map((role) =>
    watch(absolute(files[role]), {
      ignoreInitial: true,
      awaitWriteFinish: { stabilityThreshold: 100, pollInterval: 20 },
    })
      .on('add', () => reload(role))
      .on('change', () => reload(role))
      .on('unlink', () =>
        log.warn({ path: files[role], role }, 'key file removed, keeping the keys in force'),
      )
      .on('error', (error) =>
        log.error({ path: files[role], err: String(error) }, 'key file cannot be watched'),
      ),
  );
  return {
    find: (role, blob) => keys[role].find((key) => key.blob.equals(blob)),
    isBound: (host) => keys.agent.some((key) => key.host === host),
    onChange: (listener) => listeners.push(listener),
    close: async () => {
      await Promise.all(watchers.map((watcher) => watcher.close()));
    },
  };
}

function load(path: string, role: Role): AuthorizedKey[] {
  let text: string;
  try {
    text = readRegularFile(path, MAX_KEY_FILE_BYTES).toString('utf8');
  } catch (error) {
    throw new DeployError('invalid', `the key file ${unusable(path, error)}`, {
      hint: 'it holds public keys in the format of authorized_keys',
      cause: error,
    });
  }
  return parseAuthorizedKeys(text, path, role === 'agent');
}

function unusable(path: string, error: unknown): string {
  if (isDeployError(error)) return error.message;
  const code = errnoOf(error);
  return code === 'ENOENT' ? `${path} does not exist` : `${path} cannot be read (${code ?? String(error)})`;
}

function absolute(path: string): string {
  return isAbsolute(path) ? path : resolve(path);
}
