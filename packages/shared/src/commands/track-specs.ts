import { changing, reading } from './command-spec.js';
import { COMPONENT, COMPONENT_WORD, JSON_FLAG, VERSION, VERSION_WORD } from './common-flags.js';

export const ADDTRACK = changing({
  name: 'addtrack',
  summary: 'follow a source: add its new releases as versions of a component',
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
      help: 'how often the source is polled',
      default: '30s',
      min: 5000,
      max: 7 * 24 * 3_600_000,
    },
    { name: 'slot', type: 'string', help: 'only releases with this build metadata, as in 1.2.3+SLOT' },
    { name: 'os', type: 'string', help: 'operating system that artifacts are for', default: 'linux' },
    {
      name: 'arch',
      type: 'string',
      help: "processor that artifacts are for; by default the registry's own",
    },
    JSON_FLAG,
  ],
  positionals: [COMPONENT_WORD, { label: 'SOURCE', flags: ['source'] }],
  required: ['component', 'source'],
  examples: [
    'addtrack -component code -source ghr://owner/app -bump project1',
    'addtrack code "ghr://owner/app?artifact=app_linux_amd64.tar.gz&constraint=^1.2" -bump project1,project2 -interval 1m',
  ],
});

export const TRACKS = reading({
  name: 'tracks',
  summary: 'list the tracked sources and the last import of each',
  flags: [JSON_FLAG],
  examples: ['tracks', 'tracks -json'],
});

export const DELTRACK = changing({
  name: 'deltrack',
  summary: "stop following a component's source; its versions stay",
  flags: [COMPONENT, JSON_FLAG],
  positionals: [COMPONENT_WORD],
  required: ['component'],
  examples: ['deltrack -component code'],
});

export const CHECK = changing({
  name: 'check',
  summary: 'poll the sources now, and wait for the imports',
  flags: [{ ...COMPONENT, help: "only this component's source; by default all" }, JSON_FLAG],
  positionals: [COMPONENT_WORD],
  examples: ['check', 'check -component code'],
});

export const YANK = changing({
  name: 'yank',
  summary: 'mark a version as bad: tracks skip it, and configurations that a track bumps get another version',
  flags: [
    COMPONENT,
    VERSION,
    {
      name: 'undo',
      type: 'bool',
      help: 'let tracks take the version again; configurations stay as they are',
    },
    JSON_FLAG,
  ],
  positionals: [VERSION_WORD],
  required: ['component', 'version'],
  examples: ['yank -component code -version v1.2.3', 'yank code:v1.2.3', 'yank code:v1.2.3 -undo'],
});
