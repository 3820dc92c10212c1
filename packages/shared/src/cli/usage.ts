import type { FlagSpec, PositionalSpec } from './flags.js';

/** The help of flags, in the format of Go's flag package. */
export function flagUsage(flags: readonly FlagSpec[]): string {
  return [...flags]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map((flag) => {
      const kind = flag.type === 'bool' ? '' : ` ${KIND_WORDS[flag.type]}`;
      const repeat = flag.type === 'list' ? '; can be set multiple times' : '';
      const fallback =
        flag.default === undefined || flag.default === '' || flag.default === 'false'
          ? ''
          : ` (default ${shown(flag)})`;
      return `  -${flag.name}${kind}\n    \t${flag.help}${repeat}${fallback}\n`;
    })
    .join('');
}

const KIND_WORDS = {
  string: 'string',
  int: 'int',
  duration: 'duration',
  size: 'size',
  list: 'value',
  bool: '',
} as const;

function shown(flag: FlagSpec): string {
  return flag.type === 'string' ? JSON.stringify(flag.default) : (flag.default ?? '');
}

/** The form of a command without flags: `changeconf CONFIGURATION COMPONENT:VERSION`; undefined when there is none. */
export function positionalUsage(name: string, positionals: readonly PositionalSpec[]): string | undefined {
  if (positionals.length === 0) return undefined;
  return [
    name,
    ...positionals.map((positional) => positional.label + (positional.rest === true ? ' …' : '')),
  ].join(' ');
}
