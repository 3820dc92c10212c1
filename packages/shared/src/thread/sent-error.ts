import { DeployError, type ErrorKind, toDeployError } from '../errors.js';

/** A DeployError as it is sent from one thread or process to another. */
export interface SentError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Anything thrown, in the form to be sent. */
export function toSentError(error: unknown): SentError {
  const { kind, message, hint } = toDeployError(error);
  return { kind, message, hint };
}

/** The error that another thread or process sent, to be thrown. */
export function fromSentError({ kind, message, hint }: SentError): DeployError {
  return new DeployError(kind, message, hint === undefined ? {} : { hint });
}
