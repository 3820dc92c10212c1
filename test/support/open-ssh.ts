import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunOptions, type RunResult, run } from './run.js';
import type { SshKey } from './ssh-key.js';

/** Where a client connects to: a registry, or a proxy before it. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** The stock clients `ssh` and `sftp` with one key, without anything of the developer's own configuration. */
export interface OpenSsh {
  /** Options that both programs take. */
  readonly options: readonly string[];
  readonly destination: string;
  /** Arguments of `ssh`: options, port, destination, then these. */
  sshArgs(...more: readonly string[]): string[];
  /** `ssh HOST LINE`: the line reaches the registry as it is written here. */
  exec(line: string, options?: RunOptions): Promise<RunResult>;
  /** `ssh -T HOST` with lines on standard input. */
  lines(input: string, options?: RunOptions): Promise<RunResult>;
  /** `sftp -b -` with commands on standard input: ends at the first that fails, with status 1. */
  sftp(batch: string, options?: RunOptions): Promise<RunResult>;
}

export interface OpenSshOptions {
  /** Files of the client are kept here. */
  readonly dir: string;
  readonly user: string;
  readonly key: SshKey;
  /** Further `-o` options; the first of a name wins, as in ssh itself. */
  readonly set?: readonly string[];
}

/** Takes the host key on first contact and insists on it from then on. */
export function openSsh(target: Target, { dir, user, key, set = [] }: OpenSshOptions): OpenSsh {
  const config = join(dir, 'empty_ssh_config');
  writeFileSync(config, '');
  const settings = [
    ...set,
    'StrictHostKeyChecking=accept-new',
    `UserKnownHostsFile=${join(dir, 'known_hosts')}`,
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    `IdentityFile=${key.path}`,
    'PreferredAuthentications=publickey',
    'BatchMode=yes',
    'LogLevel=ERROR',
  ];
  const options = ['-F', config, ...settings.flatMap((setting) => ['-o', setting])];
  const destination = `${user}@${target.host}`;
  const sshArgs = (...more: readonly string[]) => [
    ...options,
    '-p',
    String(target.port),
    destination,
    ...more,
  ];
  return {
    options,
    destination,
    sshArgs,
    exec: (line, runOptions) => run('ssh', sshArgs('--', line), runOptions),
    lines: (input, runOptions) => run('ssh', ['-T', ...sshArgs()], { ...runOptions, input }),
    sftp: (batch, runOptions) =>
      run('sftp', [...options, '-P', String(target.port), '-b', '-', destination], {
        ...runOptions,
        input: batch,
      }),
  };
}
