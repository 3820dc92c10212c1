import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory, writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { checkJson } from '@deploy-tools/shared/json/decode-json.js';
import { lenient, timeSchema, withoutUndefined } from '@deploy-tools/shared/json/json-schemas.js';
import type { PauseNote } from '@deploy-tools/shared/report/pause-note.js';
import * as z from 'zod/mini';

const MAX_BYTES = 16 * 1024;

/**
 * Whether an operator on this host paused deployments. It is a file in the agent's directory, so that an agent that is started
 * anew stays paused. What is in progress is finished first.
 */
export class Pause {
  readonly #path: string;
  readonly #onChange: () => void;
  #note: PauseNote | undefined;
  #holding = false;

  /** @param onChange called when {@link note} or {@link holding} changes. Must not throw. */
  constructor(path: string, onChange: () => void = () => {}) {
    this.#path = path;
    this.#onChange = onChange;
    this.#note = readPause(path);
  }

  get paused(): boolean {
    return this.#note !== undefined;
  }

  /** Who paused it, when and why; undefined while it is not paused. */
  get note(): PauseNote | undefined {
    return this.#note;
  }

  /** Whether it has come into effect: nothing is in progress any more. */
  get holding(): boolean {
    return this.#holding;
  }

  /** @throws system errors; nothing has changed then. @returns false when it was paused already, by whom it was. */
  begin(note: PauseNote): boolean {
    if (this.paused) return false;
    writeFileAtomic(this.#path, `${JSON.stringify(note)}\n`, 0o600);
    this.#note = note;
    this.#onChange();
    return true;
  }

  /** @throws system errors; nothing has changed then. @returns false when it was not paused. */
  end(): boolean {
    if (!this.paused) return false;
    rmSync(this.#path, { force: true });
    syncDirectory(dirname(this.#path));
    this.#note = undefined;
    this.#holding = false;
    this.#onChange();
    return true;
  }

  /** Asked before a deployment begins. @returns whether it must not. */
  hold(): boolean {
    if (this.#holding !== this.paused) {
      this.#holding = this.paused;
      this.#onChange();
    }
    return this.paused;
  }

  /** Suspends the pause for one deployment; it is in effect again at the next {@link hold}. */
  lift(): void {
    this.#holding = false;
  }
}

/**
 * Reads the file of a pause. Its existence counts, whatever it holds and whether it can be read: earlier agents wrote only a time,
 * and an operator may have made it by hand.
 * @returns undefined where there is none.
 */
export function readPause(path: string): PauseNote | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return decodeNote(readRegularFile(path, MAX_BYTES).toString('utf8'));
  } catch {
    return {};
  }
}

/** A field that is malformed counts as absent: the others are shown all the same. */
const noteSchema = z.object({
  by: lenient(z.string()),
  since: lenient(timeSchema),
  reason: lenient(z.string()),
});

/** @throws DeployError, SyntaxError. */
function decodeNote(text: string): PauseNote {
  const json: unknown = text.startsWith('{') ? JSON.parse(text) : { since: text.trim() };
  return withoutUndefined(checkJson(json, noteSchema, { what: 'the pause', kind: 'corrupt' }));
}
