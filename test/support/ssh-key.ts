import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.js';

/** A key pair made by ssh-keygen, without passphrase. */
export interface SshKey {
  /** The private key's file. */
  readonly path: string;
  /** Its line in an authorized_keys file, without newline. */
  readonly line: string;
  /** `SHA256:…`, as `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
  readonly comment: string;
}

/**
 * Makes a key pair `<dir>/<name>`.
 * @param options further arguments of ssh-keygen; `-t ed25519` unless they say otherwise.
 */
export async function makeSshKey(
  dir: string,
  name: string,
  options: readonly string[] = ['-t', 'ed25519'],
): Promise<SshKey> {
  const path = join(dir, name);
  const made = await run('ssh-keygen', ['-q', '-N', '', '-C', commentOf(name), '-f', path, ...options]);
  if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr}`);
  return keyOf(path, name, readFileSync(`${path}.pub`, 'utf8').trim());
}

const ordinary = new Map<string, Promise<{ readonly secret: string; readonly line: string }>>();

/** As `makeSshKey`, the same key for the same name in all of a process: for registries that do not know of each other. */
export async function ordinarySshKey(dir: string, name: string): Promise<SshKey> {
  const path = join(dir, name);
  const known = ordinary.get(name);
  if (known === undefined) {
    const made = makeSshKey(dir, name);
    ordinary.set(
      name,
      made.then(({ line }) => ({ secret: readFileSync(path, 'utf8'), line })),
    );
    return made;
  }
  const { secret, line } = await known;
  writeFileSync(path, secret, { mode: 0o600 });
  writeFileSync(`${path}.pub`, `${line}\n`);
  return keyOf(path, name, line);
}

function keyOf(path: string, name: string, line: string): SshKey {
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  const digest = createHash('sha256').update(blob).digest('base64');
  return { path, line, fingerprint: `SHA256:${digest.replace(/=+$/, '')}`, comment: commentOf(name) };
}

function commentOf(name: string): string {
  return `${name}@test`;
}

/** What `ssh-keygen -l` says about a key file. */
export async function fingerprintOfFile(path: string): Promise<string> {
  const listed = await run('ssh-keygen', ['-l', '-f', path]);
  const fingerprint = /SHA256:\S+/.exec(listed.stdout)?.[0];
  if (fingerprint === undefined) throw new Error(`ssh-keygen -l: ${listed.stdout}${listed.stderr}`);
  return fingerprint;
}
