import { accessSync, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';
import { PROJECT_ROOT } from './program.js';
import { run } from './run.js';
import type { Scope } from './scope.js';
import { tempDir } from './temp-dir.js';

/** Where Debian's packages of Go libraries put their sources. */
const DEBIAN_GOPATH = '/usr/share/gocode';

/** What each Debian package brings that we need. */
const PACKAGES = {
  'golang-golang-x-crypto-dev': join(DEBIAN_GOPATH, 'src/golang.org/x/crypto/ssh'),
  'golang-github-pkg-sftp-dev': join(DEBIAN_GOPATH, 'src/github.com/pkg/sftp'),
} as const;

/** `describe` where Go and its SSH libraries are installed; otherwise skipped, the title saying what to install. */
export function describeWithGo(title: string, body: () => void): void {
  const missing: string[] = Object.entries(PACKAGES)
    .filter(([, path]) => !existsSync(path))
    .map(([name]) => name);
  if (!hasGo()) missing.unshift('golang-go');
  if (missing.length === 0) describe(title, body);
  else describe.skip(`${title} (needs: apt-get install ${missing.join(' ')})`, body);
}

/** Compiles `test/compatibility/go/<name>` against Debian's libraries. @returns the path of the program. */
export async function buildGoProgram(scope: Scope, name: string): Promise<string> {
  const program = join(tempDir(scope), name);
  const built = await run('go', ['build', '-o', program, `./${name}`], {
    cwd: join(PROJECT_ROOT, 'test', 'compatibility', 'go'),
    env: { ...process.env, GO111MODULE: 'off', GOPATH: DEBIAN_GOPATH, GOFLAGS: '', CGO_ENABLED: '0' },
    timeoutMs: 240_000,
  });
  if (built.status !== 0) throw new Error(`go build: ${built.stderr}`);
  return program;
}

function hasGo(): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, 'go'));
      return true;
    } catch {
      return false;
    }
  });
}
