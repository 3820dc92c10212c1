import type { CommandSpec } from './command-spec.js';
import { CONF, CONF_WORD, IF_REVISION, JSON_FLAG, NEW_FLAG } from './common-flags.js';
import { AGENTS, CANCEL, DIFF, FORGET, HISTORY, LOGS, RETRY, ROLLBACK, STATUS } from './fleet-specs.js';
import { AUDIT, FSCK, GC } from './housekeeping-specs.js';
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
  required: ['name', 'version', 'hash'],
  examples: [
    'addver -name code -version v01 -hash 71915871fbd585ab18b94956ae8b5897adbd70df5d121c83f3d3a9b0f28830c0',
  ],
} as const satisfies CommandSpec;

export const ADDCONF = {
  name: 'addconf',
  summary: 'add new configuration from existing component versions',
  role: 'operator',
  changes: true,
  flags: [
    CONF,
    LAYERS,
    { name: 'force', type: 'bool', help: 'on a terminal: replace one that has other components' },
    IF_REVISION,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD, LAYER_WORDS],
  required: ['name'],
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
  required: ['name'],
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
  required: ['name', 'component', 'version'],
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
  required: ['name', 'component'],
  examples: ['bumpconf -name project1 -component config', 'bumpconf project1 config'],
} as const satisfies CommandSpec;

export const SHOWCONF = {
  name: 'showconf',
  summary: 'show configuration',
  role: 'operator',
  changes: false,
  flags: [CONF, { name: 'v', type: 'bool', help: 'show name, time of change, hash and revision' }, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['showconf -name project1 -v'],
} as const satisfies CommandSpec;

export const SHOWCOMP = {
  name: 'showcomp',
  summary: 'show component versions',
  role: 'operator',
  changes: false,
  flags: [COMP, JSON_FLAG],
  positionals: [COMP_WORD],
  required: ['name'],
  examples: ['showcomp -name config'],
} as const satisfies CommandSpec;

export const COMPONENTS = {
  name: 'components',
  summary: 'list all known components',
  role: 'operator',
  changes: false,
  flags: [JSON_FLAG],
  positionals: [],
  required: [],
  examples: ['components'],
} as const satisfies CommandSpec;

export const CONFIGURATIONS = {
  name: 'configurations',
  summary: 'list all known configurations',
  role: 'operator',
  changes: false,
  flags: [JSON_FLAG],
  positionals: [],
  required: [],
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
  required: ['name', 'version'],
  examples: ['delver -name code -version v01', 'delver code:v01'],
} as const satisfies CommandSpec;

export const DELCOMP = {
  name: 'delcomp',
  summary: 'delete all component versions',
  role: 'operator',
  changes: true,
  flags: [COMP, JSON_FLAG],
  positionals: [COMP_WORD],
  required: ['name'],
  examples: ['delcomp -name code'],
} as const satisfies CommandSpec;

export const DELCONF = {
  name: 'delconf',
  summary: 'delete configuration',
  role: 'operator',
  changes: true,
  flags: [CONF, { name: 'force', type: 'bool', help: 'confirm removal' }, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['delconf -name project1 -force'],
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
  required: [],
  examples: ['watch', 'watch project1 project2', 'watch -name project1 -json'],
} as const satisfies CommandSpec;

export const HELP = {
  name: 'help',
  summary: 'list the commands',
  role: 'operator',
  changes: false,
  flags: [{ name: 'command', type: 'string', help: 'show the help of this command' }, JSON_FLAG],
  positionals: [{ label: 'COMMAND', flags: ['command'] }],
  required: [],
  examples: ['help', 'help addver'],
} as const satisfies CommandSpec;

/** Every command, in the order of `help`: those of the Go deploy-tools first. */
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
  CANCEL,
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
