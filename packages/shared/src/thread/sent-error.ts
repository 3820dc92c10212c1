import { DeployError, type ErrorKind, toDeployError } from '../errors.js';

/** A DeployError in the form for another thread or process. */
export interface SentError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Converts a thrown value to the form for another thread or process. */
export function toSentError(error: unknown): SentError {
  const { kind, message, hint } = toDeployError(error);
  return { kind, message, hint };
}

/** Converts an error of another thread or process back. */
export function fromSentError({ kind, message, hint }: SentError): DeployError {
  return new DeployError(kind, message, hint === undefined ? {} : { hint });
}
