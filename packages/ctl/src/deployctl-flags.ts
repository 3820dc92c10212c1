import { CONNECTION_FLAGS } from './client/connection-flags.js';

export const DEPLOYCTL_FLAGS = [
  ...CONNECTION_FLAGS,
  { name: 'version', type: 'bool', help: 'print the version of deployctl and exit' },
] as const;
