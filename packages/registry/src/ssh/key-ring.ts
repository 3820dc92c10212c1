import { resolve } from 'node:path';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AuthorizedKey } from './authorized-keys.js';
import { KeyFile } from './key-file.js';

/** A change takes effect after twice as long at the most. */
const CHECK_INTERVAL_MS = 300;

/** SSH's user name for agents; every other name is an operator's. */
export const AGENT_USER = 'deploy-agent';

export interface KeyRing {
  /** The key with this wire form among those of the role, or undefined. */
  find(role: Role, blob: Buffer): AuthorizedKey | undefined;
  /** Whether an agent's key is bound to this host, by the option `host=`. */
  isBound(host: string): boolean;
  /** Called after a key file took effect. */
  onChange(listener: () => void): void;
  /** What is wrong with the key files now, a sentence each. */
  troubles(): readonly string[];
  close(): Promise<void>;
}

export interface KeyFiles {
  readonly operator: string;
  readonly agent: string;
}

/**
 * Reads both key files and keeps them current while it lives, by checking them again and again: a notification of the
 * system may be lost, or be of a link and not of what it leads to, and a key that was removed has to be so for certain.
 * @throws DeployError invalid when a file cannot be used at the start.
 */
export function openKeyRing(files: KeyFiles, log: Logger): KeyRing {
  const steady = () => performance.now();
  const open = (role: Role) => KeyFile.open({ path: resolve(files[role]), role, log, steady });
  const opened: Record<Role, KeyFile> = { operator: open('operator'), agent: open('agent') };
  const both = [opened.operator, opened.agent];
  const listeners: (() => void)[] = [];
  let timer: NodeJS.Timeout | undefined;
  let checking = Promise.resolve();
  const check = async () => {
    for (const file of both) {
      if (await file.check()) for (const listener of listeners) listener();
    }
  };
  const checkLater = () => {
    timer = setTimeout(() => {
      checking = check()
        .catch((error: unknown) => log.error({ err: describeError(error) }, 'a key file cannot be checked'))
        .then(() => (timer === undefined ? undefined : checkLater()));
    }, CHECK_INTERVAL_MS);
  };
  checkLater();
  return {
    find: (role, blob) => opened[role].keys.find((key) => key.blob.equals(blob)),
    isBound: (host) => opened.agent.keys.some((key) => key.host === host),
    onChange: (listener) => listeners.push(listener),
    troubles: () => both.flatMap(({ trouble }) => trouble ?? []),
    close: async () => {
      clearTimeout(timer);
      timer = undefined;
      await checking;
    },
  };
}
