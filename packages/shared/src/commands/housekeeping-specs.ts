import type { CommandSpec } from './command-spec.js';
import { JSON_FLAG } from './common-flags.js';

export const GC = {
  name: 'gc',
  summary: 'remove surplus versions, uploads that expired or were refused, and unreferenced files',
  role: 'operator',
  changes: true,
  flags: [{ name: 'n', type: 'bool', help: 'show what would be removed, remove nothing' }, JSON_FLAG],
  positionals: [],
  required: [],
  examples: ['gc -n', 'gc'],
} as const satisfies CommandSpec;

export const FSCK = {
  name: 'fsck',
  summary:
    'read everything that is stored and compare it with its hash; exit status 1 when something is wrong',
  role: 'operator',
  changes: true,
  flags: [
    { name: 'repair', type: 'bool', help: 'repair what can be repaired; without it only say so' },
    JSON_FLAG,
  ],
  positionals: [],
  required: [],
  examples: ['fsck', 'fsck -repair', 'fsck -json'],
} as const satisfies CommandSpec;

export const AUDIT = {
  name: 'audit',
  summary: 'show who ran which command, from where, with what result',
  role: 'operator',
  changes: false,
  flags: [
    { name: 'name', type: 'string', help: 'only what is about this configuration, component or host' },
    { name: 'who', type: 'string', help: 'only this key: its fingerprint, or a part of its comment' },
    { name: 'command', type: 'string', help: 'only this command' },
    {
      name: 'since',
      type: 'string',
      help: 'only after this: a duration back from now (24h), or an RFC 3339 time',
    },
    { name: 'failed', type: 'bool', help: 'only commands that failed or were refused' },
    { name: 'changes', type: 'bool', help: 'only commands that change something' },
    { name: 'agents', type: 'bool', help: "with the results of agents' deployments" },
    { name: 'limit', type: 'int', help: 'the newest this many', default: '50' },
    JSON_FLAG,
  ],
  positionals: [],
  required: [],
  examples: ['audit -name project1 -since 24h', 'audit -failed -json', 'audit -name web7 -agents'],
} as const satisfies CommandSpec;
