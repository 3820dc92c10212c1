import { existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf, isMissing } from '@deploy-tools/shared/errors.js';
import { decodeJson, type JsonSubject } from '@deploy-tools/shared/json/decode-json.js';
import * as z from 'zod/mini';
import { readJournal } from '../../deploy/journal-file.js';
import { confirmedAt } from '../../deploy/wanted-view.js';
import { placedIn, readPlaced } from '../../place/placed-record.js';
import type { DiskView } from './decide-start.js';

/**
 * What is on the disk in a configuration's directory, whether an agent runs there or not. Each file is replaced in one step;
 * what changes between two of them is seen at the next look.
 * @throws DeployError corrupt, denied.
 */
export function viewDisk(dir: string): DiskView {
  const journalPath = join(dir, 'journal.json');
  const { attempt } = readJournal({ path: journalPath, attemptsPath: join(dir, 'attempts.json') });
  const lastGood = lastGoodIn(journalPath);
  const confirmed = lastGood === undefined ? undefined : confirmedAt(join(dir, 'confirmed'), lastGood);
  return {
    current: currentIn(dir),
    lastGood,
    provenAt: confirmed ?? statSync(journalPath, { throwIfNoEntry: false })?.mtime,
    attempt:
      attempt === undefined
        ? undefined
        : { hash: attempt.config.hash, step: attempt.step, error: attempt.error?.message },
    placed: readPlaced(placedIn(dir))?.hash,
  };
}

/** The hash of the release that `current` leads to, if it exists. */
function currentIn(dir: string): string | undefined {
  const path = join(dir, 'current');
  try {
    const hash = basename(readlinkSync(path));
    return existsSync(path) ? hash : undefined;
  } catch (error) {
    if (['ENOENT', 'EINVAL', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

const journalSchema = z.object({ lastGood: z.nullish(z.object({ hash: z.string() })) });

/** The last good release, by the journal's copy: the state file itself may be anywhere. */
function lastGoodIn(path: string): string | undefined {
  try {
    const subject: JsonSubject = { what: path, kind: 'corrupt' };
    return decodeJson(readFileSync(path, 'utf8'), journalSchema, subject).lastGood?.hash;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
