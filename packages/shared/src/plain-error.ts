import { DeployError, type ErrorKind, toDeployError } from './errors.js';

/** A DeployError in a form that passes between threads. */
export interface PlainError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Anything thrown, to be sent to another thread. */
export function plainError(error: unknown): PlainError {
  const { kind, message, hint } = toDeployError(error);
  return { kind, message, hint };
}

/** What another thread sent, to be thrown. */
export function deployErrorOf({ kind, message, hint }: PlainError): DeployError {
  return new DeployError(kind, message, hint === undefined ? {} : { hint });
}
