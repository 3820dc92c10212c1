import { DeployError, isMissing, toDeployError } from '@deploy-tools/shared/errors.js';
import { writeFileAtomic } from '@deploy-tools/shared/host/atomic-file.js';
import { readRegularFile } from '@deploy-tools/shared/host/regular-file.js';

const MAX_BYTES = 4096;

/** The file that a takeover leaves beside the database. It names the state of state.db, so that a later change is noticed. */
export interface TakeoverMark {
  /** Number of the last transaction in state.db. */
  readonly txid: bigint;
  /** RFC 3339 UTC. */
  readonly time: string;
}

/** @returns undefined when nothing was taken over here. @throws DeployError corrupt, denied. */
export function readTakeoverMark(path: string): TakeoverMark | undefined {
  let text: string;
  try {
    text = readRegularFile(path, MAX_BYTES).toString('utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw toDeployError(error);
  }
  const [, txid, time] = /^\{"txid":"(\d{1,20})","time":"([-\d:.TZ]+)"\}\n$/.exec(text) ?? [];
  if (txid === undefined || time === undefined) {
    throw new DeployError('corrupt', `${path} is damaged`, {
      hint: 'remove it, unless the Go registry has used state.db since it was taken over',
    });
  }
  return { txid: BigInt(txid), time };
}

/** Atomic and durable. */
export function writeTakeoverMark(path: string, { txid, time }: TakeoverMark): void {
  writeFileAtomic(path, `${JSON.stringify({ txid: txid.toString(), time })}\n`, 0o600);
}
