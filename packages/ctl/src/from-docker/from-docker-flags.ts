import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { CONNECTION_FLAGS } from '../client/connection-flags.js';

export const FROM_DOCKER_FLAGS = [
  ...CONNECTION_FLAGS,
  {
    name: 'name',
    type: 'string',
    help: 'configuration name (default: the tag of the image, ":" and "/" replaced by ".")',
    completes: 'configuration',
  },
  {
    name: 'layer',
    type: 'list',
    help: 'further layer on top of those of the image, in component:version format',
    completes: 'layer',
  },
  { name: 'n', type: 'bool', help: 'show what would be added, connect to nothing' },
  { name: 'quiet', type: 'bool', help: 'show no progress' },
  { name: 'version', type: 'bool', help: 'print the version of deploy-from-docker and exit' },
] as const;

export type FromDockerValues = FlagValues<typeof FROM_DOCKER_FLAGS>;
