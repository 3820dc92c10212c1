import { changing, reading } from './command-spec.js';
import { CONF, CONF_WORD, IF_REVISION, JSON_FLAG } from './common-flags.js';

const HOST = { name: 'host', type: 'string', help: 'host name', completes: 'host' } as const;
const COLOR = {
  name: 'color',
  type: 'string',
  help: 'always, never, or auto: on a terminal',
  default: 'auto',
} as const;

export const STATUS = reading({
  name: 'status',
  summary: 'show which hosts run the wanted revision; wait until all do',
  flags: [
    CONF,
    {
      name: 'wait',
      type: 'duration',
      help: 'wait this long for the outcome on all hosts; exit status 0: all in sync, 1: some failed or lost, 3: time is up',
      min: 0,
    },
    {
      name: 'settle',
      type: 'bool',
      help: 'with -wait: after a failure, wait also for hosts that have not begun',
    },
    {
      name: 'follow',
      type: 'bool',
      help: 'show changes as they happen, until interrupted or until -wait ends',
    },
    {
      name: 'progress',
      type: 'string',
      help: 'with -wait: show changes as -follow does; always, never, or auto: on a terminal',
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
});

export const AGENTS = reading({
  name: 'agents',
  summary: 'list hosts, the configurations that they follow and the releases that they run, worst first',
  flags: [
    { ...CONF, help: 'only hosts that follow this configuration' },
    { name: 'label', type: 'list', help: 'only hosts with this label, as key=value' },
    { name: 'names', type: 'bool', help: 'print host names only' },
    COLOR,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  examples: ['agents', 'agents -name project1 -label zone=a', 'agents -json'],
});

export const HISTORY = reading({
  name: 'history',
  summary: "show changes with their authors and outcomes, or a host's deployments",
  flags: [
    CONF,
    { ...HOST, help: "show this host's deployments instead" },
    { name: 'limit', type: 'int', help: 'the newest N only', default: '50', min: 1, max: 1000 },
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['history project1', 'history -name project1 -host web7 -limit 5'],
});

export const DIFF = reading({
  name: 'diff',
  summary: 'show which layers differ between two revisions',
  flags: [
    CONF,
    { name: 'from', type: 'int', help: 'revision; by default the one before -to', min: 1 },
    { name: 'to', type: 'int', help: 'revision; by default the last', min: 1 },
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['diff project1', 'diff -name project1 -from 3 -to 7'],
});

export const ROLLBACK = changing({
  name: 'rollback',
  summary: 'make a new revision with the layers of an old one',
  flags: [
    CONF,
    {
      name: 'to',
      type: 'int',
      help: 'revision; by default the newest earlier one with other content that was healthy on a host and failed on none',
      min: 1,
    },
    IF_REVISION,
    JSON_FLAG,
  ],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['rollback project1', 'rollback -name project1 -to 7', 'rollback project1 -if-revision 9'],
});

export const LOGS = reading({
  name: 'logs',
  summary: "show the end of the log of a host's last deployment",
  flags: [
    CONF,
    HOST,
    { name: 'deploy', type: 'string', help: 'the id of the deployment, from history -host' },
    JSON_FLAG,
  ],
  positionals: [CONF_WORD, { label: 'HOST', flags: ['host'] }],
  required: ['name', 'host'],
  examples: ['logs -name project1 -host web7', 'logs project1 web7'],
});

export const RETRY = changing({
  name: 'retry',
  summary: 'make hosts try a rejected revision again',
  flags: [CONF, { ...HOST, help: 'only this host' }, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['retry project1', 'retry -name project1 -host web7'],
});

export const CANCEL = changing({
  name: 'cancel',
  summary: 'end deployments in progress; hosts where the new release is live roll back',
  flags: [CONF, { ...HOST, help: 'only this host' }, JSON_FLAG],
  positionals: [CONF_WORD],
  required: ['name'],
  examples: ['cancel project1', 'cancel -name project1 -host web7'],
});

export const FORGET = changing({
  name: 'forget',
  summary: 'forget a removed host; another key may then use its name',
  flags: [HOST, { ...CONF, help: 'forget only that the host follows this configuration' }, JSON_FLAG],
  positionals: [{ label: 'HOST', flags: ['host'] }],
  required: ['host'],
  examples: ['forget -host web7', 'forget -host web7 -name project1'],
});
