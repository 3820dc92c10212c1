import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { runInGroup } from '../../process/script/run-in-group.js';
import { pathForPrograms } from '../../release/unpack/held-directory.js';
import { type FetchContext, fetchSmall } from './download.js';

/** The namespace of the signature: `ssh-keygen -Y sign -n file`. */
const NAMESPACE = 'file';
const TIMEOUT_MS = 10 * 60_000;
const MAX_SIGNATURE_BYTES = 64 * 1024;

interface SignedFile {
  readonly label: string;
  /** Absolute path. */
  readonly path: string;
  /** Path of a file in the format of ssh-keygen(1), ALLOWED SIGNERS. */
  readonly allowedSigners: string;
  /** A directory of ours, for the signature. */
  readonly dir: string;
}

/** Fetches the signature of a file, verifies it and logs the signer. @throws DeployError as verifySignature and fetchSmall. */
export async function verifySigned(file: SignedFile, url: string, context: FetchContext): Promise<void> {
  const signature = await fetchSmall(url, MAX_SIGNATURE_BYTES, context);
  context.log(`it is signed by ${await verifySignature({ ...file, signature }, context.signal)}`);
}

/**
 * Verifies an SSH signature with ssh-keygen(1).
 * @returns the signer's name.
 * @throws DeployError denied: no allowed signer has signed this content; unsupported: there is no ssh-keygen.
 */
export async function verifySignature(
  { label, path, signature, allowedSigners, dir }: SignedFile & { readonly signature: Uint8Array },
  signal: AbortSignal,
): Promise<string> {
  const file = join(dir, 'signature');
  writeFileSync(file, signature, { mode: 0o600 });
  const options = ['-s', pathForPrograms(file), '-f', allowedSigners];
  const found = await sshKeygen(['-Y', 'find-principals', ...options], undefined, signal);
  const [principal] = found.lines;
  if (found.code !== 0 || principal === undefined)
    throw refused(label, `nobody in ${allowedSigners} has signed it`, found.lines);
  const verify = ['-Y', 'verify', '-I', principal, '-n', NAMESPACE, ...options];
  const verified = await sshKeygen(verify, path, signal);
  if (verified.code === 0) return principal;
  throw refused(label, `the signature of ${principal} is not of this file`, verified.lines);
}

function refused(label: string, why: string, said: readonly string[]): DeployError {
  const more = said.length === 0 ? '' : `: ${said.join('; ')}`;
  return new DeployError('denied', `${label} is not trusted: ${why}${more}`, {
    hint: `sign it with ssh-keygen -Y sign -n ${NAMESPACE}, with a key that is allowed`,
  });
}

async function sshKeygen(
  args: readonly string[],
  stdin: string | undefined,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const stdinFd = openSync(stdin ?? '/dev/null', 'r');
  const onLine = (_: unknown, line: string): void => void lines.push(line);
  const environment = { PATH: process.env.PATH ?? '', LC_ALL: 'C' };
  const run = { program: 'ssh-keygen', args, environment, timeoutMs: TIMEOUT_MS, stdinFd, signal, onLine };
  try {
    const { code, stopped } = await runInGroup(run);
    if (stopped === 'abort') throw new DeployError('cancelled', 'stopped before it was done');
    return { code, lines };
  } catch (error) {
    if (error instanceof DeployError) throw error;
    throw new DeployError('unsupported', `signatures cannot be verified: ssh-keygen cannot be run`, {
      hint: 'install it (openssh-client)',
      cause: error,
    });
  } finally {
    closeSync(stdinFd);
  }
}
