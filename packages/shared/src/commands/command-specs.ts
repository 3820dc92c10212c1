import type { CommandSpec } from './command-spec.js';
import { CONF, CONF_WORD, IF_REVISION, JSON_FLAG, NEW_FLAG } from './common-flags.js';
import { AGENTS, DIFF, FORGET, HISTORY, LOGS, RETRY, ROLLBACK, STATUS } from './fleet-specs.js';
import { NOTIFY } from './notify-specs.js';
import { ADDTRACK, CHECK, DELTRACK, TRACKS, YANK } from './track-specs.js';

export type { CommandSpec, Role } from './command-spec.js';

const COMP = { name: 'name', type: 'string', help: 'component name', completes: 'component' } as const;
const LAYERS = {
  name: 'layer',
  type: 'list',
  help: 'layer in component:version format',
  completes: 'layer',
} as const;

const COMP_WORD = { label: 'COMPONENT', flags: ['name'] } as const;
const LAYER_WORDS = { label: 'COMPONENT:VERSION', flags: ['layer'], rest: true } as const;

export const ADDVER = {
  name: 'addver',
  summary: 'add new component version from previously uploaded file',
  role: 'operator',
  changes: true,
  flags: [
    COMP,
    { name: 'version', type: 'string', help: 'unique version id' },
    {
      name: 'hash',
      type: 'string',
      help: 'sha256 content hash in hex representation (64 chars)',
      completes: 'upload',
    },
    NEW_FLAG,
    JSON_FLAG,
  ],
  positionals: [
    { label: 'COMPONENT:VERSION', flags: ['name', 'version'] },
    { label: 'HASH', flags: ['hash'] },
  ],
  examples: [
    'addver -name code -version v01 -hash 71915871fbd585ab18b94956ae8b5897adbd70df5d121c83f3d3a9b0f28830c0',
  ],
} as const satisfies CommandSpec;

export const ADDCONF = {
  name: 'addconf',
  summary: 'add new configuration from existing component versions',
  role: 'operator',
  changes: true,
  flags: [CONF, LAYERS, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD, LAYER_WORDS],
  examples: [
    'addconf -name project1 -layer code:v01 -layer config:v01',
    'addconf project1 code:v01 config:v01',
  ],
} as const satisfies CommandSpec;

export const REPLACECONF = {
  name: 'replaceconf',
  summary: 'replace all layers of an existing configuration',
  role: 'operator',
  changes: true,
  flags: [CONF, LAYERS, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD, LAYER_WORDS],
  examples: ['replaceconf project1 code:v02 config:v01'],
} as const satisfies CommandSpec;

export const CHANGECONF = {
  name: 'changeconf',
  summary: 'update single layer of configuration to specific version',
  role: 'operator',
  changes: true,
  flags: [
    CONF,
    { name: 'component', type: 'string', help: 'component name', completes: 'component' },
    { name: 'version', type: 'string', help: 'component version', completes: 'version' },
    IF_REVISION,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD, { label: 'COMPONENT:VERSION', flags: ['component', 'version'] }],
  examples: ['changeconf -name project1 -component config -version v02', 'changeconf project1 config:v02'],
} as const satisfies CommandSpec;

export const BUMPCONF = {
  name: 'bumpconf',
  summary: 'update single layer of configuration to most recent uploaded version',
  role: 'operator',
  changes: true,
  flags: [
    CONF,
    { name: 'component', type: 'string', help: 'component name', completes: 'component' },
    IF_REVISION,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD, { label: 'COMPONENT', flags: ['component'] }],
  examples: ['bumpconf -name project1 -component config', 'bumpconf project1 config'],
} as const satisfies CommandSpec;

export const SHOWCONF = {
  name: 'showconf',
  summary: 'show configuration',
  role: 'operator',
  changes: false,
  flags: [CONF, { name: 'v', type: 'bool', help: 'show name, time of change, hash and revision' }, JSON_FLAG],
  positionals: [CONF_WORD],
  examples: ['showconf -name project1 -v'],
} as const satisfies CommandSpec;

export const SHOWCOMP = {
  name: 'showcomp',
  summary: 'show component versions',
  role: 'operator',
  changes: false,
  flags: [COMP, JSON_FLAG],
  positionals: [COMP_WORD],
  examples: ['showcomp -name config'],
} as const satisfies CommandSpec;

export const COMPONENTS = {
  name: 'components',
  summary: 'list all known components',
  role: 'operator',
  changes: false,
  flags: [JSON_FLAG],
  positionals: [],
  examples: ['components'],
} as const satisfies CommandSpec;

export const CONFIGURATIONS = {
  name: 'configurations',
  summary: 'list all known configurations',
  role: 'operator',
  changes: false,
  flags: [JSON_FLAG],
  positionals: [],
  examples: ['configurations'],
} as const satisfies CommandSpec;

export const DELVER = {
  name: 'delver',
  summary: 'delete component version',
  role: 'operator',
  changes: true,
  flags: [
    COMP,
    { name: 'version', type: 'string', help: 'component version', completes: 'version' },
    JSON_FLAG,
  ],
  positionals: [{ label: 'COMPONENT:VERSION', flags: ['name', 'version'] }],
  examples: ['delver -name code -version v01', 'delver code:v01'],
} as const satisfies CommandSpec;

export const DELCOMP = {
  name: 'delcomp',
  summary: 'delete all component versions',
  role: 'operator',
  changes: true,
  flags: [COMP, JSON_FLAG],
  positionals: [COMP_WORD],
  examples: ['delcomp -name code'],
} as const satisfies CommandSpec;

export const DELCONF = {
  name: 'delconf',
  summary: 'delete configuration',
  role: 'operator',
  changes: true,
  flags: [CONF, { name: 'force', type: 'bool', help: 'confirm removal' }, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD],
  examples: ['delconf -name project1 -force'],
} as const satisfies CommandSpec;

export const GC = {
  name: 'gc',
  summary: 'remove surplus versions, uploads that expired or were refused, and unreferenced files',
  role: 'operator',
  changes: true,
  flags: [{ name: 'n', type: 'bool', help: 'show what would be removed, remove nothing' }, JSON_FLAG],
  positionals: [],
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
  examples: ['audit -name project1 -since 24h', 'audit -failed -json', 'audit -name web7 -agents'],
} as const satisfies CommandSpec;

export const WATCH = {
  name: 'watch',
  summary: 'show changes of configurations as they happen, until interrupted',
  role: 'operator',
  changes: false,
  flags: [
    {
      name: 'name',
      type: 'list',
      help: 'configuration name (repeatable); all configurations without it',
      completes: 'configuration',
    },
    JSON_FLAG,
  ],
  positionals: [{ label: 'CONFIGURATION', flags: ['name'], rest: true }],
  examples: ['watch', 'watch project1 project2', 'watch -name project1 -json'],
} as const satisfies CommandSpec;

export const HELP = {
  name: 'help',
  summary: 'list the commands',
  role: 'operator',
  changes: false,
  flags: [{ name: 'command', type: 'string', help: 'show the help of this command' }, JSON_FLAG],
  positionals: [{ label: 'COMMAND', flags: ['command'] }],
  examples: ['help', 'help addver'],
} as const satisfies CommandSpec;

/** Every command, in the order of `help`: the original's first. */
export const COMMAND_SPECS: readonly CommandSpec[] = [
  ADDVER,
  ADDCONF,
  BUMPCONF,
  CHANGECONF,
  SHOWCONF,
  SHOWCOMP,
  COMPONENTS,
  CONFIGURATIONS,
  DELVER,
  DELCOMP,
  DELCONF,
  REPLACECONF,
  ROLLBACK,
  HISTORY,
  DIFF,
  STATUS,
  AGENTS,
  LOGS,
  RETRY,
  FORGET,
  ADDTRACK,
  TRACKS,
  CHECK,
  DELTRACK,
  YANK,
  GC,
  FSCK,
  AUDIT,
  NOTIFY,
  WATCH,
  HELP,
];

export function findCommandSpec(name: string): CommandSpec | undefined {
  return COMMAND_SPECS.find((spec) => spec.name === name);
}
