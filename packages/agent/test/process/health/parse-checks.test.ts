import { describeCheck } from '@deploy-tools/agent/process/health/health-check.js';
import { HEALTH_FLAGS, healthSettings } from '@deploy-tools/agent/process/health/health-flags.js';
import {
  parseChecks,
  parseExecCheck,
  parseHttpCheck,
  parseTcpCheck,
} from '@deploy-tools/agent/process/health/parse-checks.js';
import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { describeError, isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a check', () => {
  it.each([
    ['http://localhost:8080/health', 'http http://localhost:8080/health'],
    ['https://[::1]/a?b=c#d', 'http https://[::1]/a?b=c'],
    ['HTTP://Example.COM', 'http http://example.com/'],
  ])('by http: %s', (text, described) => {
    expect(describeCheck(parseHttpCheck(text))).toBe(described);
  });

  it.each([
    ['localhost:80', 'tcp localhost:80'],
    ['[::1]:65535', 'tcp [::1]:65535'],
  ])('by tcp: %s', (text, described) => {
    expect(describeCheck(parseTcpCheck(text))).toBe(described);
  });

  it('by exec is a command line as it is', () => {
    expect(parseExecCheck('check_http -H x | grep "a b"')).toEqual({
      kind: 'exec',
      command: 'check_http -H x | grep "a b"',
    });
  });

  it.each([
    [parseHttpCheck, ''],
    [parseHttpCheck, 'localhost:8080/health'],
    [parseHttpCheck, '/health'],
    [parseHttpCheck, 'ftp://localhost/'],
    [parseHttpCheck, 'http://localhost:0/'],
    [parseHttpCheck, 'http://localhost:70000/'],
    [parseTcpCheck, ''],
    [parseTcpCheck, 'localhost'],
    [parseTcpCheck, ':80'],
    [parseTcpCheck, '80'],
    [parseTcpCheck, '::1:80'],
    [parseTcpCheck, 'localhost:0'],
    [parseTcpCheck, 'localhost:65536'],
    [parseTcpCheck, 'http://localhost:80'],
    [parseExecCheck, ' '],
    [parseExecCheck, 'a\0b'],
  ])('is refused: %o %j', (parse, text) => {
    expect(() => parse(text)).toThrow(`invalid value "${text}" for flag -health-`);
  });

  it('is refused with a password, which is not repeated', () => {
    const parse = () => parseHttpCheck('http://me:secret@localhost/health');
    expect(parse).toThrow('invalid value "http://localhost/health" for flag -health-http');
  });

  it('of any text is a check that describes itself again, or a usage error on one line', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.domain().map((name) => `${name}:80`),
        ),
        (text) => {
          for (const parse of [parseHttpCheck, parseTcpCheck, parseExecCheck]) {
            try {
              const check = parse(text);
              const described = describeCheck(check).replace(/^(http|tcp|exec) /, '');
              if (check.kind !== 'exec') expect(parse(described)).toEqual(check);
            } catch (error) {
              if (!isDeployError(error, 'usage')) throw error;
            }
          }
        },
      ),
    );
  });

  it('may come several times, of every kind', () => {
    const texts = { http: ['http://a/', 'http://b/'], tcp: ['c:1'], exec: ['true', 'false'] };
    expect(parseChecks(texts).map(describeCheck)).toEqual([
      'http http://a/',
      'http http://b/',
      'tcp c:1',
      'exec true',
      'exec false',
    ]);
  });
});

describe('the flags', () => {
  const settings = (...argv: string[]) => healthSettings(parseFlags({ flags: HEALTH_FLAGS }, argv).values);

  it('have defaults', () => {
    expect(settings()).toEqual({
      checks: [],
      minHealthyMs: 10_000,
      deadlineMs: 60_000,
      unhealthyAfter: 3,
      intervalMs: 1000,
      timeoutMs: 5000,
    });
  });

  it('say which exit status is a warning', () => {
    expect(settings('-health-warn', '3').warnStatus).toBe(3);
    expect(settings()).toMatchObject({ warnStatus: undefined });
  });

  it('are taken', () => {
    expect(
      settings(
        '-health-tcp',
        'a:1',
        '-min-healthy=0',
        '-healthy-deadline',
        '2s',
        '-health-interval=50ms',
        '-unhealthy-after=20',
      ),
    ).toEqual({
      checks: [{ kind: 'tcp', host: 'a', port: 1 }],
      minHealthyMs: 0,
      deadlineMs: 2000,
      unhealthyAfter: 20,
      intervalMs: 50,
      timeoutMs: 5000,
    });
  });

  it.each([
    [
      ['-min-healthy', '5m'],
      'no release can be healthy for 5m0s within 1m0s (give a -healthy-deadline that is longer than -min-healthy)',
    ],
    [['-unhealthy-after', '-1'], 'invalid value "-1" for flag -unhealthy-after (give at least 0)'],
    [['-health-warn', '0'], 'invalid value "0" for flag -health-warn (give at least 1)'],
    [['-health-warn', '256'], 'invalid value "256" for flag -health-warn (give at most 255)'],
    [['-health-interval', '1ms'], 'invalid value "1ms" for flag -health-interval (give at least 10ms)'],
    [['-min-healthy', '-1s'], 'invalid value "-1s" for flag -min-healthy (give at least 0s)'],
    [['-health-timeout', '1000h'], 'invalid value "1000h" for flag -health-timeout (give at most 24h0m0s)'],
  ])('are refused: %j', (argv, message) => {
    const described = () => {
      try {
        return settings(...argv);
      } catch (error) {
        return describeError(error);
      }
    };
    expect(described()).toBe(message);
  });
});
