import { DeployError } from '@deploy-tools/shared/errors.js';

/** Ends a deployment because another release is wanted; the release is not to blame. */
export class Superseded extends DeployError {
  /** Hash of what is wanted. */
  readonly by: string;

  constructor(by: string) {
    super('conflict', 'another release was wanted before this one was healthy');
    this.by = by;
  }
}

/** Ends a deployment because an operator cancelled it. */
export class Cancelled extends DeployError {
  /** @param by who, as people know them. */
  constructor(by: string) {
    super('conflict', `cancelled by ${by}`);
  }
}
