import { changing, reading } from './command-spec.js';
import { JSON_FLAG } from './common-flags.js';

export const GC = changing({
  name: 'gc',
  summary: 'remove surplus versions, uploads that expired or were refused, and unreferenced files',
  flags: [{ name: 'n', type: 'bool', help: 'show what gc would remove, and remove nothing' }, JSON_FLAG],
  examples: ['gc -n', 'gc'],
});

export const FSCK = changing({
  name: 'fsck',
  summary: 'read all stored files and compare them with their hashes; exit status 1 when something is wrong',
  flags: [
    { name: 'repair', type: 'bool', help: 'repair damage where possible; by default only report it' },
    JSON_FLAG,
  ],
  examples: ['fsck', 'fsck -repair', 'fsck -json'],
});

export const AUDIT = reading({
  name: 'audit',
  summary: 'show commands with their author, address and result',
  flags: [
    { name: 'name', type: 'string', help: 'only entries about this configuration, component or host' },
    { name: 'who', type: 'string', help: 'only this key: its fingerprint, or a part of its comment' },
    { name: 'command', type: 'string', help: 'only this command' },
    {
      name: 'since',
      type: 'string',
      help: 'only entries since this RFC 3339 time, or this long ago (24h)',
    },
    { name: 'failed', type: 'bool', help: 'only commands that failed or were refused' },
    { name: 'changes', type: 'bool', help: 'only commands that change something' },
    { name: 'agents', type: 'bool', help: "also show the results of agents' deployments" },
    { name: 'limit', type: 'int', help: 'the newest N only', default: '50' },
    JSON_FLAG,
  ],
  examples: ['audit -name project1 -since 24h', 'audit -failed -json', 'audit -name web7 -agents'],
});
