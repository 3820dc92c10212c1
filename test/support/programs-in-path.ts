import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';
import { makeTree } from './tree.js';

/** Until the scope ends, PATH of this process leads to these scripts alone: by name, what each does. */
export function programsInPath(scope: Scope, programs: Readonly<Record<string, string>>): void {
  const { PATH } = process.env;
  const bin = tempDir(scope);
  for (const [name, script] of Object.entries(programs))
    makeTree(bin, { [name]: { content: `#!/bin/sh\n${script}\n`, mode: 0o755 } });
  process.env.PATH = bin;
  scope.defer(() => {
    process.env.PATH = PATH;
  });
}
