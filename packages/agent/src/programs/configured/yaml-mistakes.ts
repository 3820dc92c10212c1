import type { YAMLError } from 'yaml';
import type { Mistakes } from './yaml-keys.js';

/** What people do wrong in YAML, by the parser's names for it. */
const WORDS: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY:
    'a key and its value have one line; put quotes around a value with ": " in it, and check the indentation',
  MULTILINE_IMPLICIT_KEY: 'there is no ":" after a key, or the indentation is wrong',
  TAB_AS_INDENT: 'a tab is no indentation; use spaces',
  BAD_INDENT: 'the indentation is wrong, or a list in [] does not end',
  MISSING_CHAR: 'a quote, a bracket, a comma or a ":" is missing',
  DUPLICATE_KEY: 'this key is here twice',
  BAD_SCALAR_START: 'a value cannot begin with this character; put quotes around it',
  BAD_DQ_ESCAPE: 'there is a wrong escape in double quotes; use single quotes, or \\\\ for a backslash',
  UNEXPECTED_TOKEN: 'this does not belong here; check the indentation and the lines before',
  MULTIPLE_DOCS: 'there is more than one document in the file',
};

const UNKNOWN = 'this is no YAML; check quotes and indentation';

/** Notes what keeps a file from being read. What follows the first is mostly its consequence, but for keys that are there twice. */
export function noteSyntax(errors: readonly YAMLError[], mistakes: Mistakes): void {
  const first = errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  const shown = first === undefined ? errors : [first];
  for (const { code, pos } of shown) mistakes.add(pos[0], WORDS[code] ?? UNKNOWN);
}
