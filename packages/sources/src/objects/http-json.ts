import type { IncomingMessage } from 'node:http';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { objectBody } from './object-body.js';

export interface JsonLimits {
  /** Of whom it is: a URL without secrets, or a host. */
  readonly label: string;
  readonly maxBytes: number;
  /** Between two pieces. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** A whole answer as JSON. @throws DeployError corrupt, too-large, connect, cancelled. */
export async function httpJson(response: IncomingMessage, limits: JsonLimits): Promise<unknown> {
  const { label, maxBytes } = limits;
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of objectBody(response, { ...limits, bytes: undefined })) {
    total += piece.length;
    if (total > maxBytes) throw new DeployError('too-large', `${label} answered more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString('utf8'));
  } catch (error) {
    throw new DeployError('corrupt', `what ${label} answered is not JSON`, { cause: error });
  }
}
