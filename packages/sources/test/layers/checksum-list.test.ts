import { parseChecksums } from '@deploy-tools/sources/layers/checksum-list.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const SUM = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const LONG = 'c'.repeat(128);

test.each<[string, string, boolean, string[]]>([
  ['sha256sum', `${SUM}  app.zip\n${OTHER}  other.zip\n`, false, [SUM]],
  ['in binary mode', `${SUM} *app.zip\n`, false, [SUM]],
  ['with a directory', `${SUM}  ./dist/app.zip`, false, [SUM]],
  ['--tag', `SHA256 (app.zip) = ${SUM}\nSHA512 (app.zip) = ${LONG}`, false, [SUM, LONG]],
  ['sha512sum', `${LONG}  app.zip`, false, [LONG]],
  ['in upper case, with CRLF', `${SUM.toUpperCase()}  app.zip\r\n`, false, [SUM]],
  ['a name is whole', `${SUM}  my-app.zip\n${SUM}  app.zip.asc`, false, []],
  ['the sum alone, in its own file', `${SUM}\n`, true, [SUM]],
  ['under another name, in its own file', `${SUM}  build.zip\n`, true, [SUM]],
  ['several, in its own file', `${SUM}  app.zip\n${OTHER}  b.zip`, true, [SUM]],
  ['the sum alone, in a list', `${SUM}\n`, false, []],
  ['listed twice', `${SUM}  app.zip\n${OTHER}  app.zip`, false, [SUM, OTHER]],
  ['md5 and comments', `# sums\n${'d'.repeat(32)}  app.zip\nhello\n`, false, []],
  ['nothing', '', true, []],
])('%s', (_title, text, own, expected) => {
  expect(parseChecksums(text, 'app.zip', own).map(({ hex }) => hex)).toEqual(expected);
});

test('any text is read', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 90 }), fc.boolean(), (text, own) => {
      for (const { algorithm, hex } of parseChecksums(text, 'app.zip', own)) {
        expect(hex.length).toBe(algorithm === 'sha256' ? 64 : 128);
      }
    }),
  );
});
