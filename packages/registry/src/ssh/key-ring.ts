import { resolve } from 'node:path';
import type { Role } from '@deploy-tools/shared/commands/command-specs.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import type { Logger } from '@deploy-tools/shared/log.js';
import type { AuthorizedKey } from './authorized-keys.js';
import { KeyFile } from './key-file.js';
import { PacedChecks } from './paced-checks.js';
import { PathWatch } from './path-watch.js';

/** Between the check that finds a change and the check that reads the file, if it is the same then. */
const SETTLE_MS = 300;

/**
 * Between checks without an event, so that a removed key becomes inactive for certain. Network file systems do not report changes
 * by other machines, and the system's limits of inotify may be reached.
 */
const BACKSTOP_MS = 2000;

export interface KeyRing {
  /** The role's key with this wire format. */
  find(role: Role, blob: Buffer): AuthorizedKey | undefined;
  /** Whether an agent's key is bound to this host, by the option `host=`. */
  isBound(host: string): boolean;
  /** Adds a listener that is called after each change of active keys. */
  onChange(listener: () => void): void;
  /** The present faults of the key files, a sentence each. */
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
 * Reads both key files and keeps their keys current. It checks the files after each change in the directories of the files and of
 * the links to them, and at an interval.
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
    await watch.follow().catch(onError); // first, so that every change after the check is an event
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
