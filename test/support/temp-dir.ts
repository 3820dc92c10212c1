import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from './scope.js';

/** An empty directory of the test's own, removed with everything in it. @param base that it is made in. */
export function tempDir(scope: Scope, base: string = tmpdir()): string {
  const dir = mkdtempSync(join(base, 'deploy-test-'));
  scope.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}
