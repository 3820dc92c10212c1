import { DeployError } from '@deploy-tools/shared/errors.js';

/** Another release is wanted than the one that is being proven: there is no need to find out whether that is healthy. */
export class Superseded extends DeployError {
  /** Hash of what is wanted. */
  readonly by: string;

  constructor(by: string) {
    super('conflict', 'another release was wanted before this one was healthy');
    this.by = by;
  }
}
