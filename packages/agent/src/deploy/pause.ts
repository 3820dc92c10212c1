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
 * An operator's pause of all deployments on this host. A file in the agent's directory keeps it over restarts of the agent. A
 * deployment in progress is finished first.
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

  /** Who paused, when and why; undefined without a pause. */
  get note(): PauseNote | undefined {
    return this.#note;
  }

  /** Whether the pause is in effect: no deployment is in progress any more. */
  get holding(): boolean {
    return this.#holding;
  }

  /** Pauses. @returns false when it was paused already; that note stays. @throws system errors; nothing has changed then. */
  begin(note: PauseNote): boolean {
    if (this.paused) return false;
    writeFileAtomic(this.#path, `${JSON.stringify(note)}\n`, 0o600);
    this.#note = note;
    this.#onChange();
    return true;
  }

  /** Ends the pause. @returns false when there was none. @throws system errors; nothing has changed then. */
  end(): boolean {
    if (!this.paused) return false;
    rmSync(this.#path, { force: true });
    syncDirectory(dirname(this.#path));
    this.#note = undefined;
    this.#holding = false;
    this.#onChange();
    return true;
  }

  /** To be called before a deployment begins. @returns whether the pause forbids it. */
  hold(): boolean {
    if (this.#holding !== this.paused) {
      this.#holding = this.paused;
      this.#onChange();
    }
    return this.paused;
  }

  /** Suspends the pause for one deployment, until the next {@link hold}. */
  lift(): void {
    this.#holding = false;
  }
}

/**
 * Reads the file of a pause. Its existence is the pause, even if the content is malformed: earlier agents wrote only a time, and an
 * operator may have made the file by hand.
 * @returns undefined without a pause.
 */
export function readPause(path: string): PauseNote | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return decodeNote(readRegularFile(path, MAX_BYTES).toString('utf8'));
  } catch {
    return {};
  }
}

/** A malformed field counts as absent. */
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
