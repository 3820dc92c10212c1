import { connect, createServer } from 'node:net';
import {
  DeployError,
  describeError,
  type ErrorKind,
  errnoOf,
  exitCodeOf,
  isDeployError,
  sftpStatusOf,
  toDeployError,
} from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** Kind, exit status, SFTP status: scripts depend on them, so a change of one is a change of the contract. */
const TABLE: readonly (readonly [ErrorKind, number, number])[] = [
  ['usage', 2, 5],
  ['invalid', 1, 4],
  ['not-found', 1, 2],
  ['exists', 1, 4],
  ['in-use', 1, 4],
  ['conflict', 1, 4],
  ['denied', 1, 3],
  ['unsupported', 1, 8],
  ['auth', 4, 3],
  ['connect', 4, 7],
  ['timeout', 1, 4],
  ['too-large', 1, 4],
  ['no-space', 1, 4],
  ['corrupt', 1, 4],
  ['unsafe', 1, 4],
  ['locked', 1, 4],
  ['script', 1, 4],
  ['cancelled', 1, 4],
  ['internal', 1, 4],
];

test.each(TABLE)('%s exits with %d and is SFTP status %d', (kind, exit, sftp) => {
  const error = new DeployError(kind, 'x');
  expect([exitCodeOf(error), sftpStatusOf(error), isDeployError(error, kind)]).toEqual([exit, sftp, true]);
});

test('anything else exits with 1 and is SFTP status 4', () => {
  expect([exitCodeOf(new Error('x')), sftpStatusOf('x'), isDeployError(new Error('x'))]).toEqual([
    1,
    4,
    false,
  ]);
});

test('a class that extends it is told apart from it and from its other heirs', () => {
  class Heir extends DeployError {}
  class Other extends DeployError {}
  const error = new Heir('invalid', 'a');
  expect([error instanceof DeployError, error instanceof Heir, error instanceof Other]).toEqual([
    true,
    true,
    false,
  ]);
  expect(new DeployError('invalid', 'a')).not.toBeInstanceOf(Heir);
});

describe('describeError', () => {
  test('is the message and the hint on one line', () => {
    expect(describeError(new DeployError('invalid', 'a'))).toBe('a');
    expect(describeError(new DeployError('invalid', 'a', { hint: 'b' }))).toBe('a (b)');
  });

  test('never is empty or a stack trace, whatever was thrown', () => {
    expect(describeError(Object.create(null))).toBe('[object Object]');
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        expect(describeError(thrown)).not.toMatch(/\n\s+at /);
      }),
    );
  });
});

describe('toDeployError', () => {
  test.each([
    ['ENOSPC', 'no-space'],
    ['EDQUOT', 'no-space'],
    ['EFBIG', 'no-space'],
    ['EACCES', 'denied'],
    ['EROFS', 'denied'],
    ['ENOENT', 'not-found'],
    ['ECONNRESET', 'connect'],
    ['EPIPE', 'connect'],
    ['EIO', 'internal'],
  ])('%s is %s, with its text and its cause', (code, kind) => {
    const cause = Object.assign(new Error(`${code}: text`), { code });
    const error = toDeployError(cause);
    expect(error).toMatchObject({ kind, cause });
    expect(error.message).toContain('text');
  });

  test('keeps a DeployError as it is', () => {
    const error = new DeployError('in-use', 'x');
    expect(toDeployError(error)).toBe(error);
  });

  test('knows an aborted operation', () => {
    expect(toDeployError(AbortSignal.abort().reason).kind).toBe('cancelled');
  });

  test('has words for a host that refuses on each of its addresses', async () => {
    const port = await closedPort();
    const refused = await new Promise<Error>((resolve) => {
      const lookup = (_host: string, _options: object, done: (error: null, found: object[]) => void) =>
        done(null, [
          { address: '127.0.0.1', family: 4 },
          { address: '127.0.0.2', family: 4 },
        ]);
      connect({ host: 'two.example', port, lookup: lookup as never }).on('error', resolve);
    });
    const error = toDeployError(refused);
    expect(error.kind).toBe('connect');
    expect(error.message).toContain('ECONNREFUSED 127.0.0.1');
    expect(error.message).toContain('ECONNREFUSED 127.0.0.2');
  });
});

test('errnoOf takes any value', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(['string', 'undefined']).toContain(typeof errnoOf(value));
    }),
  );
});

/** A port that nobody listens on: one that was given to us and closed again. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address === null || typeof address === 'string' ? 0 : address.port;
}
