import { rmSync } from 'node:fs';
import { isDeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';
import { decodeAgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { MAX_REPORT_LINE, type StateReport } from '@deploy-tools/shared/report/report.js';

/** The oldest are dropped: a registry that was away for more deployments still learns of the last ones. */
const MAX_OUTCOMES = 50;

/** Outcomes of attempts that the registry has not stored yet, in a file, one report line each. */
export class OutcomeStore {
  readonly #path: string;
  #outcomes: readonly StateReport[];

  /** @param path damaged lines in it are left out: what runs does not depend on it. */
  constructor(path: string) {
    this.#path = path;
    this.#outcomes = readOutcomes(path);
  }

  /** Oldest first. */
  list(): readonly StateReport[] {
    return this.#outcomes;
  }

  /** @throws the system's error; it is kept until the agent ends then. */
  add(outcome: StateReport): void {
    const others = this.#outcomes.filter(({ deploy }) => deploy !== outcome.deploy);
    this.#replace([...others, outcome].slice(-MAX_OUTCOMES));
  }

  /** The registry has stored it. */
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
  try {
    const text = readRegularFile(path, MAX_OUTCOMES * MAX_REPORT_LINE).toString('utf8');
    return text.split('\n').flatMap(outcomeIn).slice(-MAX_OUTCOMES);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
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
