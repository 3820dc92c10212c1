import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
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
  const comment = `${name}@test`;
  const made = await run('ssh-keygen', ['-q', '-N', '', '-C', comment, '-f', path, ...options]);
  if (made.status !== 0) throw new Error(`ssh-keygen: ${made.stderr}`);
  const line = readFileSync(`${path}.pub`, 'utf8').trim();
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  const digest = createHash('sha256').update(blob).digest('base64');
  return { path, line, fingerprint: `SHA256:${digest.replace(/=+$/, '')}`, comment };
}

/** What `ssh-keygen -l` says about a key file. */
export async function fingerprintOfFile(path: string): Promise<string> {
  const listed = await run('ssh-keygen', ['-l', '-f', path]);
  const fingerprint = /SHA256:\S+/.exec(listed.stdout)?.[0];
  if (fingerprint === undefined) throw new Error(`ssh-keygen -l: ${listed.stdout}${listed.stderr}`);
  return fingerprint;
}
