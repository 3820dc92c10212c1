import { BaseSequencer, type TestSpecification } from 'vitest/node';

const PROJECTS = ['black-box', 'compatibility', 'unit', 'architecture'];

/**
 * Files of a project come one after another, so that a worker is used again for the next; those that take long come first,
 * so that no worker is left alone with one at the end.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files); // by duration where it is known, otherwise by size
    const rank = ({ project }: TestSpecification) => PROJECTS.indexOf(project.name);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}
