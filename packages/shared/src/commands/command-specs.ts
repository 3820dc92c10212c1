import { type CommandSpec, changing, reading } from './command-spec.js';
import {
  COMPONENT,
  COMPONENT_WORD,
  CONF,
  CONF_WORD,
  IF_REVISION,
  JSON_FLAG,
  NEW_FLAG,
  VERSION,
  VERSION_WORD,
} from './common-flags.js';
import { AGENTS, CANCEL, DIFF, FORGET, HISTORY, LOGS, RETRY, ROLLBACK, STATUS } from './fleet-specs.js';
import { AUDIT, FSCK, GC } from './housekeeping-specs.js';
import { NOTIFY } from './notify-specs.js';
import { ADDTRACK, CHECK, DELTRACK, TRACKS, YANK } from './track-specs.js';

export type { CommandSpec, Role } from './command-spec.js';

const COMP = { ...COMPONENT, name: 'name' } as const;
const LAYERS = {
  name: 'layer',
  type: 'list',
  help: 'layer in component:version format',
  completes: 'layer',
} as const;

const COMP_WORD = { label: 'COMPONENT', flags: ['name'] } as const;
const LAYER_WORDS = { label: 'COMPONENT:VERSION', flags: ['layer'], rest: true } as const;

export const ADDVER = changing({
  name: 'addver',
  summary: 'add new component version from previously uploaded file',
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
});

export const ADDCONF = changing({
  name: 'addconf',
  summary: 'add new configuration from existing component versions',
  flags: [
    CONF,
    LAYERS,
    { name: 'force', type: 'bool', help: 'on a terminal: replace a configuration that has other components' },
    IF_REVISION,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD, LAYER_WORDS],
  required: ['name'],
  examples: [
    'addconf -name project1 -layer code:v01 -layer config:v01',
    'addconf project1 code:v01 config:v01',
  ],
});

export const REPLACECONF = changing({
  name: 'replaceconf',
  summary: 'replace all layers of an existing configuration',
  flags: [CONF, LAYERS, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD, LAYER_WORDS],
  required: ['name'],
  examples: ['replaceconf project1 code:v02 config:v01'],
});

export const CHANGECONF = changing({
  name: 'changeconf',
  summary: 'update single layer of configuration to specific version',
  flags: [CONF, COMPONENT, VERSION, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD, VERSION_WORD],
  required: ['name', 'component', 'version'],
  examples: ['changeconf -name project1 -component config -version v02', 'changeconf project1 config:v02'],
});

export const BUMPCONF = changing({
  name: 'bumpconf',
  summary: 'update single layer of configuration to most recent uploaded version',
  flags: [CONF, COMPONENT, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD, COMPONENT_WORD],
  required: ['name', 'component'],
  examples: ['bumpconf -name project1 -component config', 'bumpconf project1 config'],
});

export const SHOWCONF = reading({
  name: 'showconf',
  summary: 'show configuration',
  flags: [CONF, { name: 'v', type: 'bool', help: 'show name, time of change, hash and revision' }, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['showconf -name project1 -v'],
});

export const SHOWCOMP = reading({
  name: 'showcomp',
  summary: 'show component versions',
  flags: [COMP, JSON_FLAG],
  positionals: [COMP_WORD],
  required: ['name'],
  examples: ['showcomp -name config'],
});

export const COMPONENTS = reading({
  name: 'components',
  summary: 'list all known components',
  flags: [JSON_FLAG],
  examples: ['components'],
});

export const CONFIGURATIONS = reading({
  name: 'configurations',
  summary: 'list all known configurations',
  flags: [JSON_FLAG],
  examples: ['configurations'],
});

export const DELVER = changing({
  name: 'delver',
  summary: 'delete component version',
  flags: [COMP, VERSION, JSON_FLAG],
  positionals: [{ label: 'COMPONENT:VERSION', flags: ['name', 'version'] }],
  required: ['name', 'version'],
  examples: ['delver -name code -version v01', 'delver code:v01'],
});

export const DELCOMP = changing({
  name: 'delcomp',
  summary: 'delete all component versions',
  flags: [COMP, JSON_FLAG],
  positionals: [COMP_WORD],
  required: ['name'],
  examples: ['delcomp -name code'],
});

export const DELCONF = changing({
  name: 'delconf',
  summary: 'delete configuration',
  flags: [CONF, { name: 'force', type: 'bool', help: 'confirm removal' }, IF_REVISION, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['delconf -name project1 -force'],
});

export const WATCH = reading({
  name: 'watch',
  summary: 'show changes of configurations as they happen, until interrupted',
  flags: [
    {
      name: 'name',
      type: 'list',
      help: 'configuration name (repeatable); by default all configurations',
      completes: 'configuration',
    },
    JSON_FLAG,
  ],
  positionals: [{ label: 'CONFIGURATION', flags: ['name'], rest: true }],
  examples: ['watch', 'watch project1 project2', 'watch -name project1 -json'],
});

export const HELP = reading({
  name: 'help',
  summary: 'list the commands',
  flags: [{ name: 'command', type: 'string', help: 'show the help of this command' }, JSON_FLAG],
  positionals: [{ label: 'COMMAND', flags: ['command'] }],
  examples: ['help', 'help addver'],
});

/** All commands, in the order of `help`: those of the Go deploy-tools first. */
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
