import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { binPath } from './program.js';
import { type RunResult, run } from './run.js';
import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';

/** A host that deploys by manifests: where things lie, and what was done. */
export interface ManifestSite {
  readonly root: string;
  /** Of deployments: `<root>/srv/app`. */
  readonly dest: string;
  /** Packs files with the real tar. @returns the archive's path. */
  pack(name: string, files: Readonly<Record<string, string>>): Promise<string>;
  /** Writes a manifest; in it, LOG is a file of the site. @returns its URL. */
  manifest(name: string, text: string): string;
  /** `deploy-agent manifest`. */
  deploy(
    flags: readonly string[],
    options?: { input?: string; env?: Record<string, string> },
  ): Promise<RunResult>;
  /** What a file of the site holds; undefined when there is none. */
  read(name: string): string | undefined;
  /** Names in the directory of the destination. */
  beside(): string[];
}

export function makeManifestSite(scope: Scope): ManifestSite {
  const root = tempDir(scope);
  const dest = join(root, 'srv', 'app');
  const read = (name: string): string | undefined => {
    const path = join(root, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  return {
    root,
    dest,
    read,
    pack: async (name, files) => {
      const tree = tempDir(scope);
      for (const [file, content] of Object.entries(files)) writeFileSync(join(tree, file), content);
      const path = join(root, name);
      const packed = await run('tar', ['czf', path, '-C', tree, '.']);
      if (packed.status !== 0) throw new Error(packed.stderr);
      return path;
    },
    manifest: (name, text) => {
      writeFileSync(join(root, name), text.replaceAll('LOG', join(root, 'log')));
      return pathToFileURL(join(root, name)).href;
    },
    deploy: (flags, { input = '', env = {} } = {}) =>
      run(binPath('deploy-agent'), ['manifest', ...flags], {
        input,
        env: { ...process.env, ...env },
        timeoutMs: 50_000,
      }),
    beside: () => readdirSync(join(root, 'srv')).sort(),
  };
}

/** The keys of a manifest that say which archive. */
export function archiveKeys(path: string, dest: string, url = pathToFileURL(path).href): string {
  const checksum = createHash('sha256').update(readFileSync(path)).digest('hex');
  return `src: ${url}\nchecksum: ${checksum}\ndest: ${dest}\n`;
}

/** Commands that leave the log in `success` and `failure` beside LOG. */
export const KEEPS_LOG = `commands:
  success:
    - cat > LOG.success
  failure:
    - cat > LOG.failure
`;
