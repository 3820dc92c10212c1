import { fillTemplate } from '@deploy-tools/agent/programs/deploy-file/fill-template.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../../shared/test/support/kind-of.js';

const ENVIRONMENT = { STAGE: 'production', EMPTY: '', QUOTED: 'say "hi"\n' };

function fill(text: string): string {
  return fillTemplate(text, ENVIRONMENT, 'm.yml');
}

describe('fillTemplate', () => {
  it.each([
    ['dest: /srv/{{ env "STAGE" "test" }}', 'dest: /srv/production'],
    ['{{env "NONE" "test"}}', 'test'],
    ['{{ env "EMPTY" "test" }}', 'test'],
    ['{{ env "NONE" "STAGE" "test" }}', 'production'],
    ['{{ env `STAGE` "" }}{{ env "NONE" "" }}', 'production'],
    ['{{ must_env "EMPTY" }}|{{ must_env "STAGE" }}', '|production'],
    ['{{ must_env "QUOTED" | json_escape }}', 'say \\"hi\\"\\n'],
    ['{{ "{{" }} .Id {{ "}}" }}', '{{ .Id }}'],
    ['a {{- env "NONE" "b" -}} \n c', 'abc'],
    ['a {{- "b" }} c', 'ab c'],
    ['no more } } than { { that', 'no more } } than { { that'],
  ])('%s', (text, filled) => {
    expect(fill(text)).toBe(filled);
  });

  it.each([
    ['a: 1\nb: {{ must_env "NONE" }}', 'line 2: the environment variable NONE is not set'],
    ['{{ env "NONE" }}', 'there is no default'],
    ['{{ .Id }}', 'is not understood'],
    ['{{ range "a" }}', 'is not understood'],
    ['{{ "a" "b" }}', 'a text takes no arguments'],
    ['{{ env "STAGE" "x"', 'does not end'],
    ['{{ }}', 'there is nothing to fill in'],
    ['{{ env "STAGE" | }}', 'there is nothing to fill in'],
  ])('refuses %s', (text, message) => {
    expect(() => fill(text)).toThrow(message);
    expect(kindOf(() => fill(text))).toBe('invalid');
  });

  it('leaves any text without braces as it is, and takes any other for a mistake or not', () => {
    const pieces = fc.constantFrom(
      '{{',
      '}}',
      '-',
      ' ',
      '"',
      '`',
      '\\',
      'env',
      'must_env',
      '"STAGE"',
      '|',
      '\n',
      'x',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        if (!text.includes('{{')) expect(fill(text)).toBe(text);
        else expect(['nothing thrown', 'invalid']).toContain(kindOf(() => fill(text)));
      }),
    );
  });

  it('takes its time of long texts that do not end', () => {
    expect(kindOf(() => fill(`{{${' '.repeat(20_000)}x"`))).toBe('invalid');
    expect(kindOf(() => fill(`{{ ${'"a" '.repeat(5000)}`))).toBe('invalid');
  });
});
