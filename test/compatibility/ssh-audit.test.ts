import { expect, it } from 'vitest';
import { describeWith } from '../support/requires.js';
import { run } from '../support/run.js';
import { testScope } from '../support/scope.js';
import { startWorld } from '../support/world.js';

/** The marker of strict key exchange (Terrapin, CVE-2023-48795) is no algorithm, which ssh-audit before 3.2 does not know. */
const STRICT_KEX = 'kex-strict-s-v00@openssh.com';
/** What came after ssh-audit 2.5, the one of Debian 12, is unknown to it and no complaint. */
const LATER = /^\(kex\) (mlkem768x25519-sha256|kex-strict-s-v00@openssh\.com) +-- \[warn\] unknown algorithm/;

describeWith(['ssh-audit'], 'ssh-audit', () => {
  it('finds nothing to fail and nothing to warn of', async () => {
    const { registry } = await startWorld(testScope());
    const audit = await run('ssh-audit', ['--no-colors', '-p', String(registry.port), registry.host]);
    expect(audit.stdout).toContain('(kex) curve25519-sha256');
    const complaints = audit.stdout.split('\n').filter((line) => /\[(fail|warn)\]/.test(line));
    expect(complaints.filter((line) => !LATER.test(line))).toEqual([]);
    expect(audit.stdout).toContain('(kex) mlkem768x25519-sha256');
    expect(audit.stdout).toContain(STRICT_KEX);
    expect(registry.log.plain).toEqual([]);
  });
});
