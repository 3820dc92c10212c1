import type { Interface } from 'node:readline';

const CTRL_C = '\x03';
const CTRL_G = '\x07';
const CTRL_R = '\x12';
const BACKSPACE = /^[\x7f\b]$/;

/**
 * Adds Ctrl-R to a readline interface: an incremental search back through the history. An active search takes every key; a key
 * without a meaning for it ends the search and keeps the found line.
 */
export class ReverseSearch {
  readonly #readline: Interface;
  readonly #prompt: string;
  /** Newest first, as readline keeps it. */
  #history: readonly string[];
  #query: string | undefined;
  #at = 0;

  constructor(readline: Interface, prompt: string, history: readonly string[]) {
    this.#readline = readline;
    this.#prompt = prompt;
    this.#history = history;
    readline.on('history', (changed) => {
      this.#history = [...changed];
    });
  }

  /** @returns whether the search took the key; otherwise readline gets it. */
  key(key: string): boolean {
    if (this.#query === undefined) {
      if (key !== CTRL_R) return false;
      this.#query = '';
      this.#at = 0;
      this.#show();
      return true;
    }
    if (key === CTRL_R) return this.#search(this.#query, this.#query === '' ? 0 : this.#at + 1);
    if (BACKSPACE.test(key)) return this.#search(this.#query.slice(0, -1), 0);
    if (key === CTRL_C || key === CTRL_G) return this.#end('');
    if (key >= ' ') return this.#search(this.#query + key, this.#at);
    this.#end(this.#match() ?? '');
    return false;
  }

  #search(query: string, from: number): true {
    this.#query = query;
    const found = this.#history.findIndex((line, index) => index >= from && line.includes(query));
    if (found >= 0) this.#at = found;
    this.#show();
    return true;
  }

  #match(): string | undefined {
    const line = this.#history[this.#at];
    return this.#query !== '' && line?.includes(this.#query ?? '') === true ? line : undefined;
  }

  #show(): void {
    this.#setLine(this.#match() ?? '', `(reverse-i-search)\`${this.#query}': `);
  }

  #end(line: string): true {
    this.#query = undefined;
    this.#setLine(line, this.#prompt);
    return true;
  }

  #setLine(line: string, prompt: string): void {
    this.#readline.setPrompt(prompt);
    this.#readline.write(null, { ctrl: true, name: 'e' });
    this.#readline.write(null, { ctrl: true, name: 'u' });
    if (line !== '') this.#readline.write(line);
    this.#readline.prompt(true);
  }
}
