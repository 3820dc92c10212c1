import { parseDuration } from '@deploy-tools/shared/duration.js';

/** A duration as ours, or as stretcher's a bare number of seconds. @returns milliseconds. @throws DeployError usage. */
export function parseSeconds(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseDuration(text);
}
