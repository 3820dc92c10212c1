import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Unpacks archives one over the other with GNU tar.
 * @returns what is there: files by content, `-> target` for symlinks, `dir` for directories.
 */
export function mergeLayers(archives: readonly Uint8Array[]): Record<string, string> {
  const dir = mkdtempSync(join(tmpdir(), 'deploy-merge-'));
  try {
    const root = join(dir, 'root');
    mkdirSync(root);
    for (const archive of archives) {
      writeFileSync(join(dir, 'layer'), archive);
      execFileSync('tar', ['xf', join(dir, 'layer'), '-C', root]);
    }
    return tree(root);
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function tree(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (dir: string, prefix: string) => {
    for (const name of readdirSync(dir)) {
      const path = join(dir, name);
      const stat = lstatSync(path);
      if (stat.isSymbolicLink()) found[prefix + name] = `-> ${readlinkSync(path)}`;
      else if (stat.isFile()) found[prefix + name] = readFileSync(path, 'utf8');
      else {
        found[prefix + name] = 'dir';
        visit(path, `${prefix}${name}/`);
      }
    }
  };
  visit(root, '');
  return found;
}
