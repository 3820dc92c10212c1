import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AuthorizedKey } from './authorized-keys.js';
import { KeyFile } from './key-file.js';

/**
 * Milliseconds between two checks of the key files. A stat through all links finds every change, on network file systems too,
 * where the system reports no events.
 */
const CHECK_INTERVAL_MS = 300;

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
 * Reads both key files, and keeps their keys current until it is closed.
 * @throws DeployError invalid when a file cannot be used at the start.
 */
export function openKeyRing(files: KeyFiles, log: Logger): KeyRing {
  const steady = () => performance.now();
  const open = (role: Role) => KeyFile.open({ path: resolve(files[role]), role, log, steady });
  const opened: Record<Role, KeyFile> = { operator: open('operator'), agent: open('agent') };
  const both = [opened.operator, opened.agent];
  const listeners: (() => void)[] = [];
  const checkBoth = async () => {
    for (const file of both) {
      if (await file.check()) for (const listener of listeners) listener();
    }
  };
  const closing = new AbortController();
  const checking = repeat(checkBoth, log, closing.signal);
  return {
    find: (role, blob) => opened[role].keys.find((key) => key.blob.equals(blob)),
    isBound: (host) => opened.agent.keys.some((key) => key.host === host),
    onChange: (listener) => listeners.push(listener),
    troubles: () => both.flatMap(({ trouble }) => trouble ?? []),
    close: () => {
      closing.abort();
      return checking;
    },
  };
}

/** Runs the check every {@link CHECK_INTERVAL_MS}, one at a time, until the signal is aborted. */
async function repeat(check: () => Promise<void>, log: Logger, signal: AbortSignal): Promise<void> {
  for (;;) {
    await delay(CHECK_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await check().catch((error: unknown) => {
      log.error({ err: describeError(error) }, 'a key file cannot be checked');
    });
  }
}
