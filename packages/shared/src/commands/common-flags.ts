/** Flags and words of many commands. */
export const JSON_FLAG = { name: 'json', type: 'bool', help: 'print JSON instead of text' } as const;
export const NEW_FLAG = {
  name: 'new',
  type: 'bool',
  help: 'fail when the version exists, even with the same content',
} as const;
export const CONF = {
  name: 'name',
  type: 'string',
  help: 'configuration name',
  completes: 'configuration',
} as const;
export const CONF_WORD = { label: 'CONFIGURATION', flags: ['name'] } as const;
export const IF_REVISION = {
  name: 'if-revision',
  type: 'int',
  help: 'fail unless this is the last revision; 0: no revision exists',
  min: 0,
} as const;
export const COMPONENT = {
  name: 'component',
  type: 'string',
  help: 'component name',
  completes: 'component',
} as const;
export const COMPONENT_WORD = { label: 'COMPONENT', flags: ['component'] } as const;
export const VERSION = {
  name: 'version',
  type: 'string',
  help: 'component version',
  completes: 'version',
} as const;
export const VERSION_WORD = { label: 'COMPONENT:VERSION', flags: ['component', 'version'] } as const;
