import { formatAddress } from '@deploy-tools/shared/client/address.js';
import type { RunAs } from '../script/run-as.js';
import type { AnsweringProgram } from './open-check.js';

/**
 * A check of whether a release works.
 *
 * | kind | asked | passes |
 * |---|---|---|
 * | http | GET, on a connection of its own, redirects not followed, certificates verified | 2xx, 3xx |
 * | tcp  | a connection, closed at once | it opens |
 * | exec | `/bin/sh -c COMMAND` in a process group of its own | exit status 0, and the one that `-health-warn` names: a warning |
 */
export type HealthCheck =
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'exec'; readonly command: string };

export interface CheckAnswer {
  readonly check: HealthCheck;
  /** A warning passes. */
  readonly status: 'passing' | 'warning' | 'critical';
  /** One line of at most {@link MAX_ANSWER} characters, without control characters. */
  readonly answer: string;
  readonly ms: number;
}

export interface CheckContext {
  /** A check without an answer by then is critical. */
  readonly timeoutMs: number;
  /** The whole environment of exec checks. */
  readonly environment: Readonly<Record<string, string>>;
  /** The exit status of exec checks that is a warning; undefined for none. */
  readonly warnStatus?: number | undefined;
  /** The working directory of exec checks; by default the agent's, as for the deploy script. */
  readonly cwd?: string | undefined;
  readonly as?: RunAs | undefined;
  /** The only program whose answers count on its ports; undefined where every answer counts. */
  readonly program?: AnsweringProgram | undefined;
}

/** The result of a check, before it is bounded and timed. */
export type Finding = Pick<CheckAnswer, 'status' | 'answer'>;

/** The longest answer, in UTF-16 code units. */
export const MAX_ANSWER = 300;

/** A check in messages and the log: `http http://localhost/health`. */
export function describeCheck(check: HealthCheck): string {
  switch (check.kind) {
    case 'http':
      return `http ${check.url}`;
    case 'tcp':
      return `tcp ${formatAddress(check)}`;
    case 'exec':
      return `exec ${oneLine(check.command)}`;
  }
}

/** Makes one bounded line of a text: control characters and runs of white space become a space. */
export function oneLine(text: string): string {
  const line = text
    .slice(0, 4 * MAX_ANSWER)
    .replace(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return line.length <= MAX_ANSWER
    ? line
    : `${line.slice(0, MAX_ANSWER - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
