import { readFileSync, rmSync } from 'node:fs';
import { isDeployError, isMissing } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { decodeJson } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';
import { processIdentity } from '../../host/process-identity.js';

/** A running supervised program, in the record for the next agent. */
const childSchema = z.object({
  /** By processIdentity. */
  process: z.string(),
  generation: z.number(),
});

type RecordedChild = z.output<typeof childSchema>;

/** A malformed child is left out, so that the others can still be ended. */
const recordSchema = z.object({ children: z.array(z.catch(z.nullable(childSchema), null)) });

/** Replaces the record, or removes it when no program runs. */
export function writeChildren(path: string, children: readonly RecordedChild[]): void {
  if (children.length === 0) rmSync(path, { force: true });
  else writeFileAtomic(path, `${JSON.stringify({ children })}\n`, 0o600);
}

/** The running ones of these programs. */
export function childrenThatRun(
  programs: readonly { readonly pid: number; readonly generation: number }[],
): RecordedChild[] {
  return programs.flatMap(({ pid, generation }) => {
    const process = processIdentity(pid);
    return process === undefined ? [] : [{ process, generation }];
  });
}

/** Reads the record; it is empty when it is missing or damaged. A program that still runs then blocks its port. */
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
