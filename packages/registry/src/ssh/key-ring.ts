import { resolve } from 'node:path';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AuthorizedKey } from './authorized-keys.js';
import { KeyFile } from './key-file.js';
import { PacedChecks } from './paced-checks.js';
import { PathWatch } from './path-watch.js';

/** Between a check that finds a change and the one that takes it, when the file is the same then. */
const SETTLE_MS = 300;

/**
 * Between checks without an event. Network file systems do not report what other machines change, a directory cannot be
 * watched when the system's limits of inotify are reached, and a key that was removed has to be so for certain.
 */
const BACKSTOP_MS = 2000;

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

export interface KeyRingOptions {
  /** Milliseconds between checks without an event, 2000 by default; Infinity for none. */
  readonly backstopMs?: number;
}

/**
 * Reads both key files and keeps them current while it lives: it checks them when something changes in the directories
 * that they, and links on the way to them, are in, and now and then without that.
 * @throws DeployError invalid when a file cannot be used at the start.
 */
export function openKeyRing(files: KeyFiles, log: Logger, options: KeyRingOptions = {}): KeyRing {
  const { backstopMs = BACKSTOP_MS } = options;
  const steady = () => performance.now();
  const open = (role: Role) => KeyFile.open({ path: resolve(files[role]), role, log, steady });
  const opened: Record<Role, KeyFile> = { operator: open('operator'), agent: open('agent') };
  const both = [opened.operator, opened.agent];
  const listeners: (() => void)[] = [];
  const onError = warnOnce(log, backstopMs);
  const paths = both.map(({ path }) => path);
  const watch = new PathWatch({ paths, onEvent: () => checks.soon(), onError });
  const checkAll = async () => {
    await watch.follow().catch(onError); // first, so that whatever changes after the check is an event
    for (const file of both) {
      if (await file.check()) for (const listener of listeners) listener();
    }
    return both.every(({ isSettled }) => isSettled) ? backstopMs : SETTLE_MS;
  };
  const check = () =>
    checkAll().catch((error: unknown) => {
      log.error({ err: describeError(error) }, 'a key file cannot be checked');
      return backstopMs;
    });
  const checks = new PacedChecks({ check, gapMs: SETTLE_MS });
  return {
    find: (role, blob) => opened[role].keys.find((key) => key.blob.equals(blob)),
    isBound: (host) => opened.agent.keys.some((key) => key.host === host),
    onChange: (listener) => listeners.push(listener),
    troubles: () => both.flatMap(({ trouble }) => trouble ?? []),
    close: async () => {
      await checks.close();
      await watch.close();
    },
  };
}

function warnOnce(log: Logger, backstopMs: number): (error: unknown) => void {
  let isKnown = false;
  return (error) => {
    if (isKnown) return;
    isKnown = true;
    log.warn(
      { err: describeError(error) },
      `a directory of the key files cannot be watched: changes are noticed by a check every ${backstopMs / 1000} s`,
    );
  };
}
