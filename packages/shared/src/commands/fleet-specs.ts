import type { CommandSpec } from './command-spec.js';
import { CONF, CONF_WORD, IF_REVISION, JSON_FLAG } from './common-flags.js';

const HOST = { name: 'host', type: 'string', help: 'host name', completes: 'host' } as const;
const COLOR = {
  name: 'color',
  type: 'string',
  help: 'always, never, or auto: where it is read on a terminal',
  default: 'auto',
} as const;

export const STATUS = {
  name: 'status',
  summary: 'show which hosts run what is wanted; wait until all do',
  role: 'operator',
  changes: false,
  flags: [
    CONF,
    {
      name: 'wait',
      type: 'duration',
      help: 'wait so long until all hosts are at an end; exit status 0: all in sync, 1: some failed or lost, 3: time is up',
      min: 0,
    },
    {
      name: 'settle',
      type: 'bool',
      help: 'with -wait: after a failure, wait for hosts that have not begun too',
    },
    { name: 'follow', type: 'bool', help: 'show changes as they happen, until interrupted or -wait is over' },
    {
      name: 'progress',
      type: 'string',
      help: 'with -wait: show changes as -follow does; always, never, or auto: where it is read on a terminal',
      default: 'auto',
    },
    COLOR,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: [
    'status project1',
    'status -name project1 -wait 5m',
    'status project1 -wait 10m -settle -follow',
  ],
} as const satisfies CommandSpec;

export const AGENTS = {
  name: 'agents',
  summary: 'list hosts, what they follow and what they run, worst first',
  role: 'operator',
  changes: false,
  flags: [
    { ...CONF, help: 'only hosts that follow this configuration' },
    { name: 'label', type: 'list', help: 'only hosts with this label, as key=value' },
    { name: 'names', type: 'bool', help: 'print host names only' },
    COLOR,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: [],
  examples: ['agents', 'agents -name project1 -label zone=a', 'agents -json'],
} as const satisfies CommandSpec;

export const HISTORY = {
  name: 'history',
  summary: "show who changed what and where it landed, or a host's deploys",
  role: 'operator',
  changes: false,
  flags: [
    CONF,
    { ...HOST, help: 'show what this host deployed instead' },
    { name: 'limit', type: 'int', help: 'the newest this many', default: '50', min: 1, max: 1000 },
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['history project1', 'history -name project1 -host web7 -limit 5'],
} as const satisfies CommandSpec;

export const DIFF = {
  name: 'diff',
  summary: 'show which layers differ between two revisions',
  role: 'operator',
  changes: false,
  flags: [
    CONF,
    { name: 'from', type: 'int', help: 'revision; without it, the one before -to', min: 1 },
    { name: 'to', type: 'int', help: 'revision; without it, the last', min: 1 },
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['diff project1', 'diff -name project1 -from 3 -to 7'],
} as const satisfies CommandSpec;

export const ROLLBACK = {
  name: 'rollback',
  summary: 'make a new revision with the layers of an old one',
  role: 'operator',
  changes: true,
  flags: [
    CONF,
    {
      name: 'to',
      type: 'int',
      help: 'revision; without it, the newest earlier one with other content that landed healthy and failed nowhere',
      min: 1,
    },
    IF_REVISION,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['rollback project1', 'rollback -name project1 -to 7', 'rollback project1 -if-revision 9'],
} as const satisfies CommandSpec;

export const LOGS = {
  name: 'logs',
  summary: "show the end of the log of a host's last deploy",
  role: 'operator',
  changes: false,
  flags: [
    CONF,
    HOST,
    { name: 'deploy', type: 'string', help: 'the deploy, as history -host lists them' },
    JSON_FLAG,
  ],
  positionals: [CONF_WORD, { label: 'HOST', flags: ['host'] }],
  required: ['name', 'host'],
  examples: ['logs -name project1 -host web7', 'logs project1 web7'],
} as const satisfies CommandSpec;

export const RETRY = {
  name: 'retry',
  summary: 'tell hosts to try a revision again that they gave up',
  role: 'operator',
  changes: true,
  flags: [CONF, { ...HOST, help: 'only this host' }, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['retry project1', 'retry -name project1 -host web7'],
} as const satisfies CommandSpec;

export const CANCEL = {
  name: 'cancel',
  summary: 'end deployments in progress; hosts on which the release is live already roll back',
  role: 'operator',
  changes: true,
  flags: [CONF, { ...HOST, help: 'only this host' }, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['cancel project1', 'cancel -name project1 -host web7'],
} as const satisfies CommandSpec;

export const FORGET = {
  name: 'forget',
  summary: 'forget a host that is gone; its name is free for another key then',
  role: 'operator',
  changes: true,
  flags: [HOST, { ...CONF, help: 'forget only that it follows this configuration' }, JSON_FLAG],
  positionals: [{ label: 'HOST', flags: ['host'] }],
  required: ['host'],
  examples: ['forget -host web7', 'forget -host web7 -name project1'],
} as const satisfies CommandSpec;
