import type { FlagValues } from '@deploy-tools/shared/cli/flags.js';
import { changing } from '@deploy-tools/shared/commands/command-spec.js';

import { NEW_FLAG } from '@deploy-tools/shared/commands/common-flags.js';

/** `addver` of deployctl, which uploads a file or a directory before it calls `addver` of the registry. */
export const ADDVER_LOCAL = changing({
  name: 'addver',
  summary: 'upload an archive and add it as new component version',
  flags: [
    { name: 'name', type: 'string', help: 'component name', completes: 'component' },
    { name: 'version', type: 'string', help: 'unique version id' },
    { name: 'file', type: 'string', help: 'archive to upload: tar, tar.gz or tar.zst', completes: 'file' },
    {
      name: 'dir',
      type: 'string',
      help: 'directory to pack and upload; the same tree always makes the same archive',
      completes: 'directory',
    },
    {
      name: 'hash',
      type: 'string',
      help: 'instead of a file: sha256 hash of an archive that the registry already has',
    },
    {
      name: 'mtime',
      type: 'string',
      help: 'times of files packed with -dir: "epoch" for $SOURCE_DATE_EPOCH or one fixed time, "keep" for their own',
      default: 'epoch',
    },
    NEW_FLAG,
    { name: 'quiet', type: 'bool', help: 'show no progress' },
    { name: 'json', type: 'bool', help: 'print the component, version, hash and size as JSON' },
  ],
  positionals: [
    { label: 'COMPONENT:VERSION', flags: ['name', 'version'] },
    { label: 'FILE', flags: ['file'] },
  ],
  required: ['name', 'version'],
  examples: [
    'addver -name code -version v01 -file code.tar.gz',
    'addver code:v01 code.tar.gz',
    'addver -name config -version v02 -dir ./config',
  ],
});

export type AddverValues = FlagValues<typeof ADDVER_LOCAL.flags>;
