import { DeployError } from '@deploy-tools/shared/errors.js';

/** Another release is wanted than the one that is being deployed, whose fault it is not. */
export class Superseded extends DeployError {
  /** Hash of what is wanted. */
  readonly by: string;

  constructor(by: string) {
    super('conflict', 'another release was wanted before this one was healthy');
    this.by = by;
  }
}

/** Somebody ended the deployment before its time. */
export class Cancelled extends DeployError {
  /** @param by who, as people know them. */
  constructor(by: string) {
    super('conflict', `cancelled by ${by}`);
  }
}
