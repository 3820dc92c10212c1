import { join } from 'node:path';
import { agentKeyPath } from '@deploy-tools/agent/programs/daemon/registry-access.js';
import { expect, it } from 'vitest';
import { testScope } from '../../../../../test/support/scope.js';
import { tempDir } from '../../../../../test/support/temp-dir.js';
import { makeTree } from '../../../../../test/support/tree.js';

const KEYS = [
  'dir/id_ecdsa',
  'dir/id_ed25519',
  'dir/id_rsa',
  'home/.ssh/id_ed25519',
  'home/.ssh/id_ecdsa',
  'home/.ssh/id_rsa',
];

it("without -key the first default key that is there is taken: the Go agent's, then those of ssh(1)", () => {
  for (const [at, expected] of KEYS.entries()) {
    const root = tempDir(testScope());
    makeTree(root, Object.fromEntries(KEYS.slice(at).map((path) => [path, 'key'])));
    const where = { home: join(root, 'home'), dir: join(root, 'dir') };
    expect(agentKeyPath(undefined, where)).toBe(join(root, expected));
    expect(agentKeyPath('own', where)).toBe(join(root, 'dir/own'));
  }
});

it("without any it is the Go agent's, which is reported", () => {
  const root = tempDir(testScope());
  expect(agentKeyPath(undefined, { home: root, dir: root })).toBe(join(root, 'id_ecdsa'));
});
