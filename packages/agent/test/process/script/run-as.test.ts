import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  asUser,
  parsePasswdLine,
  resolveUser,
  userEnvironment,
} from '@deploy-tools/agent/process/script/run-as.js';
import { runHook } from '@deploy-tools/agent/process/script/run-hook.js';
import { isDeployError } from '@deploy-tools/shared/errors.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../../../../test/support/run.js';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';

const PATH = process.env.PATH ?? '';
const IS_ROOT = process.getuid?.() === 0;

describe('an entry of the user database', () => {
  it('is read', () => {
    expect(parsePasswdLine('www-data:x:33:34:www, data:/var/www:/usr/sbin/nologin\n')).toEqual({
      user: 'www-data',
      uid: 33,
      gid: 34,
      home: '/var/www',
      shell: '/usr/sbin/nologin',
    });
    expect(parsePasswdLine('x:x:1:1:::')).toMatchObject({ home: '/', shell: '/bin/sh' });
  });

  it.each(['', '\n', 'x', 'x:x:one:1::/:/bin/sh', 'x:x:1:-1::/:/bin/sh', ':x:1:1::/:/bin/sh', 'x:x:1:1:/:'])(
    'is refused: %j',
    (line) => {
      expect(() => parsePasswdLine(line)).toThrow('cannot be read');
    },
  );

  it('of any form gives numbers or an error', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 8 }), (fields) => {
        try {
          const { uid, gid } = parsePasswdLine(fields.join(':'));
          expect(Number.isSafeInteger(uid) && Number.isSafeInteger(gid)).toBe(true);
        } catch (error) {
          expect(isDeployError(error, 'invalid')).toBe(true);
        }
      }),
    );
  });
});

describe('a user', () => {
  it('is not changed to when it is the same', async () => {
    const name = (await run('id', ['-un'])).stdout.trim();
    expect(await resolveUser(name)).toBeUndefined();
    expect(asUser(undefined, { program: 'x', args: ['y'] })).toEqual({ program: 'x', args: ['y'] });
    expect(userEnvironment(undefined)).toEqual({});
  });

  it.each(['no-such-user-here', '--help', ''])('that does not exist is refused: %j', async (name) => {
    await expect(resolveUser(name)).rejects.toMatchObject({ kind: 'usage' });
  });

  it('is refused to an agent that is not root', async () => {
    await expect(resolveUser('root', 12_345)).rejects.toThrow(
      'only root can run scripts as another user (-user root)',
    );
  });
});

/** Somebody with supplementary groups, where the host has such a user. */
function otherUser(): string {
  const members = [...readFileSync('/etc/group', 'utf8').matchAll(/:([^:,\n]+)(?:,.*)?$/gm)].map(
    ([, name]) => name,
  );
  return members.find((name) => name !== undefined && name !== 'root' && !/^\d+$/.test(name)) ?? 'nobody';
}

describe.runIf(IS_ROOT)('a hook that root runs as another user', () => {
  it('has its ids, all its groups and nothing of root', async () => {
    const user = otherUser();
    const as = await resolveUser(user);
    const dir = tempDir(testScope());
    chmodSync(dir, 0o755);
    const command = join(dir, 'hook');
    writeFileSync(
      command,
      '#!/bin/sh\nid -u; id -G; echo $USER $HOME; grep CapEff /proc/self/status; exit 75\n',
      {
        mode: 0o755,
      },
    );
    const lines: string[] = [];
    const outcome = await runHook({
      hook: 'pre',
      command,
      cwd: '/',
      environment: { PATH, ...userEnvironment(as) },
      timeoutMs: 10_000,
      as,
      onLine: (_stream, line) => lines.push(line),
    });
    const [id, groups] = await Promise.all([run('id', ['-u', user]), run('id', ['-G', user])]);
    expect(outcome).toBe('vetoed');
    expect(lines).toEqual([
      id.stdout.trim(),
      groups.stdout.trim(),
      `${user} ${as?.home}`,
      'CapEff:\t0000000000000000',
    ]);
  });

  it('is ended with its whole group when it takes too long', async () => {
    const as = await resolveUser('nobody');
    const run = runHook({
      hook: 'pre',
      command: 'cat',
      cwd: '/',
      environment: { PATH },
      timeoutMs: 20_000,
      stdin: '',
      as,
      onLine: () => {},
    });
    await expect(run).resolves.toBe('done');
    const stuck = runHook({
      hook: 'pre',
      command: 'yes',
      cwd: '/',
      environment: { PATH },
      timeoutMs: 300,
      as,
      onLine: () => {},
    });
    await expect(stuck).rejects.toThrow('the pre hook yes did not end within 300ms and was stopped');
  });
});
