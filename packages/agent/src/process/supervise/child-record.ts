import { readFileSync, rmSync } from 'node:fs';
import { errnoOf } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { processIdentity } from '../../host/process-identity.js';

/** A supervised program that runs, as an agent after this one finds it. */
export interface RecordedChild {
  /** As processIdentity names it. */
  readonly process: string;
  readonly generation: number;
}

/** Replaces the record; without programs there is none. */
export function writeChildren(path: string, children: readonly RecordedChild[]): void {
  if (children.length === 0) rmSync(path, { force: true });
  else writeFileAtomic(path, `${JSON.stringify({ children })}\n`, 0o600);
}

/** Which of these run, for the record. */
export function childrenThatRun(
  programs: readonly { readonly pid: number; readonly generation: number }[],
): RecordedChild[] {
  return programs.flatMap(({ pid, generation }) => {
    const process = processIdentity(pid);
    return process === undefined ? [] : [{ process, generation }];
  });
}

/** @returns nothing when there is no record, or when it is damaged: what still runs is then found by its port. */
export function readChildren(path: string): readonly RecordedChild[] {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof json !== 'object' || json === null || !('children' in json)) return [];
    return Array.isArray(json.children) ? json.children.filter(isRecordedChild) : [];
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return [];
    throw error;
  }
}

function isRecordedChild(json: unknown): json is RecordedChild {
  if (typeof json !== 'object' || json === null) return false;
  const { process, generation } = json as Partial<Record<keyof RecordedChild, unknown>>;
  return typeof process === 'string' && typeof generation === 'number';
}
