import { readFileSync, rmSync } from 'node:fs';
import { isDeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';
import { processIdentity } from '../../host/process-identity.js';

/** A supervised program that runs, as an agent after this one finds it. */
const childSchema = z.object({
  /** As processIdentity names it. */
  process: z.string(),
  generation: z.number(),
});

export type RecordedChild = z.output<typeof childSchema>;

/** A malformed child is left out: the others have to be ended all the same. */
const recordSchema = z.object({ children: z.array(z.catch(z.nullable(childSchema), null)) });

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
    const subject = { what: path, kind: 'corrupt' } as const;
    const { children } = decodeJson(readFileSync(path, 'utf8'), recordSchema, subject);
    return children.filter((child) => child !== null);
  } catch (error) {
    if (isMissing(error) || isDeployError(error, 'corrupt')) return [];
    throw error;
  }
}
