import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from './scope.js';

/** An empty directory of the test's own, removed with everything in it. */
export function tempDir(scope: Scope): string {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  scope.defer(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}
