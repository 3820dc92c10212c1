/** Flags and words that many commands take. */
export const JSON_FLAG = { name: 'json', type: 'bool', help: 'print JSON instead of text' } as const;
export const NEW_FLAG = {
  name: 'new',
  type: 'bool',
  help: 'fail when the version is there already, also with the same content',
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
  help: 'only while this is the last revision, 0 for none; otherwise fail',
  min: 0,
} as const;
