import { rmSync } from 'node:fs';
import { isDeployError, unlessMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { decodeAgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { MAX_REPORT_LINE, type StateReport } from '@deploy-tools/shared/report/report.js';

/** The oldest outcomes are dropped: a registry that is back after more deployments than this gets the newest. */
const MAX_OUTCOMES = 50;

/** Keeps outcomes of attempts until the registry has stored them, in a file with a report line for each. */
export class OutcomeStore {
  readonly #path: string;
  #outcomes: readonly StateReport[];

  /** @param path of the file; damaged lines in it are ignored: no release depends on them. */
  constructor(path: string) {
    this.#path = path;
    this.#outcomes = readOutcomes(path);
  }

  /** Oldest first. */
  list(): readonly StateReport[] {
    return this.#outcomes;
  }

  /** @throws the system's error; the outcome is then kept in memory only. */
  add(outcome: StateReport): void {
    const others = this.#outcomes.filter(({ deploy }) => deploy !== outcome.deploy);
    this.#replace([...others, outcome].slice(-MAX_OUTCOMES));
  }

  /** Forgets the outcome of an attempt, which the registry has stored. */
  remove(deploy: string): void {
    const left = this.#outcomes.filter((outcome) => outcome.deploy !== deploy);
    if (left.length < this.#outcomes.length) this.#replace(left);
  }

  #replace(outcomes: readonly StateReport[]): void {
    this.#outcomes = outcomes;
    const lines = outcomes.map((report) => encodeAgentLine({ type: 'state', report }));
    if (lines.length === 0) rmSync(this.#path, { force: true });
    else writeFileAtomic(this.#path, lines.join(''), 0o600);
  }
}

function readOutcomes(path: string): StateReport[] {
  const file = unlessMissing(() => readRegularFile(path, MAX_OUTCOMES * MAX_REPORT_LINE));
  const lines = file?.toString('utf8').split('\n') ?? [];
  return lines.flatMap(outcomeIn).slice(-MAX_OUTCOMES);
}

function outcomeIn(line: string): StateReport[] {
  if (line === '') return [];
  try {
    const decoded = decodeAgentLine(line);
    return decoded?.type === 'state' && decoded.report.deploy !== undefined ? [decoded.report] : [];
  } catch (error) {
    if (isDeployError(error, 'invalid')) return [];
    throw error;
  }
}
