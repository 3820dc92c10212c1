import { decodeAgentLine, encodeAgentLine } from '@deploy-tools/shared/report/agent-line.js';
import { decodeRegistryLine, encodeRegistryLine } from '@deploy-tools/shared/report/registry-line.js';
import { MAX_REPORT_LINE } from '@deploy-tools/shared/report/report.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { agentLines, registryLines } from './report-arbitraries.js';

const HELLO = { Type: 'hello', Host: 'web1', Agent: '0.2.0', Labels: { zone: 'a' }, Configs: ['project1'] };
const STATE = { Type: 'state', Config: 'project1', State: 'healthy', Hash: 'a'.repeat(64) };
const decode = (fields: object) => decodeAgentLine(JSON.stringify(fields));

describe('a line of an agent', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(agentLines, (line) => {
        const written = encodeAgentLine(line);
        expect(written.indexOf('\n')).toBe(written.length - 1);
        expect(decodeAgentLine(written.slice(0, -1))).toEqual(line);
      }),
    );
  });

  test('of any text is read or refused with a kind, never more', () => {
    const mangled = fc.tuple(agentLines, fc.nat(), fc.string({ maxLength: 3 })).map(([line, at, text]) => {
      const written = encodeAgentLine(line).trimEnd();
      const where = at % written.length;
      return written.slice(0, where) + text + written.slice(where + 1);
    });

    fc.assert(
      fc.property(fc.oneof(mangled, fc.json(), fc.string()), (line) => {
        expect(['nothing thrown', 'invalid']).toContain(kindOf(() => decodeAgentLine(line)));
      }),
      { numRuns: 1000 },
    );
  });

  test('with any value in the place of any key is read or refused as invalid', () => {
    const samples = [
      HELLO,
      { ...STATE, Error: { Kind: 'x', Message: 'y' }, Progress: { Done: 1, Total: 2 } },
    ];
    fc.assert(
      fc.property(fc.constantFrom(...samples), fc.nat(), fc.jsonValue(), (sample, at, value) => {
        const keys = Object.keys(sample);
        const fields = { ...sample, [keys[at % keys.length] ?? '']: value };
        expect(['nothing thrown', 'invalid']).toContain(kindOf(() => decode(fields)));
      }),
      { numRuns: 1000 },
    );
  });

  test.each([
    [{ ...HELLO, Host: '' }, 'a host name has'],
    [{ ...HELLO, Host: 'web 1' }, 'a host name has'],
    [{ ...HELLO, Host: 'w'.repeat(254) }, 'a host name has'],
    [{ ...HELLO, Configs: 'project1' }, 'Configs'],
    [{ ...HELLO, Configs: ['a/b'] }, 'Configs'],
    [{ ...HELLO, Configs: Array.from({ length: 101 }, (_, at) => `c${at}`) }, 'Configs'],
    [{ ...HELLO, Labels: { zone: 1 } }, 'Labels.zone'],
    [{ ...HELLO, Labels: { 'a b': 'c' } }, 'Labels'],
    [{ ...HELLO, Agent: 'x'.repeat(65) }, 'Agent'],
    [{ ...STATE, State: 'fine' }, 'State'],
    [{ ...STATE, Hash: 'A'.repeat(64) }, 'Hash'],
    [{ ...STATE, Revision: -1 }, 'Revision'],
    [{ ...STATE, Running: { Hash: 'x' } }, 'Running.Hash'],
    [{ ...STATE, Since: 'yesterday' }, 'Since'],
    [{ ...STATE, Since: '2026-13-01T00:00:00Z' }, 'Since'],
    [{ ...STATE, Log: 'text' }, 'Log'],
    [{ ...STATE, Deploy: '../x y' }, 'Deploy'],
    [{ Config: 'project1' }, 'Type'],
  ])('%j is refused', (fields, at) => {
    expect(() => decode(fields)).toThrow(at);
  });

  test('of a type that is not known here is passed over', () => {
    expect(decode({ Type: 'weather', Sky: 'blue' })).toBeUndefined();
  });

  test('keys that are not known, or null, are left out', () => {
    expect(decode({ ...STATE, Mood: 'good', Error: null })).toEqual({
      type: 'state',
      report: { config: 'project1', state: 'healthy', hash: 'a'.repeat(64) },
    });
  });

  test('a log that is too long loses its beginning; a message that is too long its end', () => {
    const log = Array.from({ length: 300 }, (_, at) => `line ${at}`);
    const line = decode({ ...STATE, Log: log, Error: { Kind: 'script', Message: 'x'.repeat(5000) } });
    if (line?.type !== 'state') throw new Error('not a state');
    expect(line.report.log).toEqual(log.slice(100));
    expect(line.report.error?.message).toHaveLength(2000);
  });

  test('times are given in UTC', () => {
    const line = decode({ ...STATE, Since: '2026-01-01T02:00:00+02:00' });
    expect(line).toMatchObject({ report: { since: '2026-01-01T00:00:00.000Z' } });
  });
});

describe('a line of a registry', () => {
  test('is read back as it was written', () => {
    fc.assert(
      fc.property(registryLines, (line) => {
        const written = encodeRegistryLine(line);
        expect(written.length).toBeLessThan(MAX_REPORT_LINE);
        expect(decodeRegistryLine(written.slice(0, -1))).toEqual(line);
      }),
    );
  });

  test('of any text is read or refused as invalid; an unknown type is passed over', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (line) => {
        expect(['nothing thrown', 'invalid']).toContain(kindOf(() => decodeRegistryLine(line)));
      }),
    );
    expect(decodeRegistryLine('{"Type":"weather"}')).toBeUndefined();
  });
});
