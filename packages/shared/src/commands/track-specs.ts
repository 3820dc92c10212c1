import type { CommandSpec } from './command-spec.js';
import { JSON_FLAG } from './common-flags.js';

const COMPONENT = {
  name: 'component',
  type: 'string',
  help: 'component name',
  completes: 'component',
} as const;
const COMPONENT_WORD = { label: 'COMPONENT', flags: ['component'] } as const;
const VERSION_WORD = { label: 'COMPONENT:VERSION', flags: ['component', 'version'] } as const;
const VERSION = {
  name: 'version',
  type: 'string',
  help: 'component version',
  completes: 'version',
} as const;

export const ADDTRACK = {
  name: 'addtrack',
  summary: 'follow a source: add its new releases as versions of a component',
  role: 'operator',
  changes: true,
  flags: [
    COMPONENT,
    {
      name: 'source',
      type: 'string',
      help: 'where releases appear: ghr://owner/repo, s3://region/bucket/prefix, gs://bucket/prefix, img://host/repo, grpc://host:port, file:///dir',
    },
    {
      name: 'bump',
      type: 'list',
      help: 'configuration whose layer is set to each new version (repeatable, or several with commas)',
      completes: 'configuration',
    },
    {
      name: 'interval',
      type: 'duration',
      help: 'how often the source is looked at',
      default: '30s',
      min: 5000,
      max: 7 * 24 * 3_600_000,
    },
    { name: 'slot', type: 'string', help: 'only releases with this build metadata, as in 1.2.3+SLOT' },
    { name: 'os', type: 'string', help: 'operating system that artifacts are for', default: 'linux' },
    {
      name: 'arch',
      type: 'string',
      help: "processor that artifacts are for; the registry's own without",
    },
    JSON_FLAG,
  ],
  positionals: [COMPONENT_WORD, { label: 'SOURCE', flags: ['source'] }],
  required: ['component', 'source'],
  examples: [
    'addtrack -component code -source ghr://owner/app -bump project1',
    'addtrack code "ghr://owner/app?artifact=app_linux_amd64.tar.gz&constraint=^1.2" -bump project1,project2 -interval 1m',
  ],
} as const satisfies CommandSpec;

export const TRACKS = {
  name: 'tracks',
  summary: 'list the sources that are followed, and how far each has come',
  role: 'operator',
  changes: false,
  flags: [JSON_FLAG],
  positionals: [],
  required: [],
  examples: ['tracks', 'tracks -json'],
} as const satisfies CommandSpec;

export const DELTRACK = {
  name: 'deltrack',
  summary: "follow a component's source no longer; its versions stay",
  role: 'operator',
  changes: true,
  flags: [COMPONENT, JSON_FLAG],
  positionals: [COMPONENT_WORD],
  required: ['component'],
  examples: ['deltrack -component code'],
} as const satisfies CommandSpec;

export const CHECK = {
  name: 'check',
  summary: 'look at the sources now, and wait for what comes of it',
  role: 'operator',
  changes: true,
  flags: [{ ...COMPONENT, help: "only this component's source; all without it" }, JSON_FLAG],
  positionals: [COMPONENT_WORD],
  required: [],
  examples: ['check', 'check -component code'],
} as const satisfies CommandSpec;

export const YANK = {
  name: 'yank',
  summary: 'take a version back: no track takes it, and the configurations that a track bumps leave it',
  role: 'operator',
  changes: true,
  flags: [
    COMPONENT,
    VERSION,
    { name: 'undo', type: 'bool', help: 'tracks may take it again; configurations stay as they are' },
    JSON_FLAG,
  ],
  positionals: [VERSION_WORD],
  required: ['component', 'version'],
  examples: ['yank -component code -version v1.2.3', 'yank code:v1.2.3', 'yank code:v1.2.3 -undo'],
} as const satisfies CommandSpec;
