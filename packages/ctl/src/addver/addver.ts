import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import type { ParsedFlags } from '@deploy-tools/shared/cli/flags.js';
import type { Connection } from '@deploy-tools/shared/client/connection.js';
import { asUsage } from '@deploy-tools/shared/commands/check-arguments.js';
import { commandUsage } from '@deploy-tools/shared/commands/command-help.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { checkArchiveHash, checkComponentName, checkVersion } from '@deploy-tools/shared/names.js';
import type { ConnectionValues } from '../client/connection-flags.js';
import { connectAsOperator } from '../client/open-connection.js';
import { explainUsage } from '../explain-usage.js';
import type { ProgramIo } from '../program-io.js';
import { ADDVER_LOCAL, type AddverValues } from './addver-spec.js';
import type { ArchiveSource } from './archive-source.js';
import { uploadArchive } from './upload-archive.js';

/** The checked arguments of `addver`. */
interface Addition {
  readonly name: string;
  readonly version: string;
  /** The hash of an archive that the registry has, or an archive to upload. */
  readonly archive: string | ArchiveSource;
}

/** `deployctl addver`: makes a version of a file, of a packed directory, or of an archive that the registry already has. */
export async function addver(
  io: ProgramIo,
  connectionValues: ConnectionValues,
  { values, given }: ParsedFlags<typeof ADDVER_LOCAL.flags>,
): Promise<number> {
  const usage = () => commandUsage(ADDVER_LOCAL);
  const checked = await explainUsage(io, usage, () => {
    checkSources(values, given);
    return asUsage(() => ({
      name: checkComponentName(values.name ?? ''),
      version: checkVersion(values.version ?? ''),
      hash: values.hash === undefined ? undefined : checkArchiveHash(values.hash),
    }));
  });
  if (checked === undefined) return 2;
  const { name, version, hash } = checked;
  const addition: Addition = { name, version, archive: hash ?? (await openArchive(values, io)) };
  const connection = await connectAsOperator(connectionValues, io);
  try {
    return await add(io, connection, addition, values);
  } finally {
    connection.close();
  }
}

function checkSources(values: AddverValues, given: ReadonlySet<string>): void {
  const sources = ['file', 'dir', 'hash'].filter((flag) => given.has(flag));
  if (sources.length !== 1) {
    throw new DeployError(
      'usage',
      sources.length === 0 ? 'nothing to add' : `only one of -${sources.join(' and -')} can be given`,
      { hint: 'give -file, -dir or -hash' },
    );
  }
  if (values.mtime !== 'epoch' && values.mtime !== 'keep') {
    throw new DeployError('usage', `invalid value "${values.mtime}" for flag -mtime`, {
      hint: 'give epoch or keep',
    });
  }
}

async function openArchive(values: AddverValues, io: ProgramIo): Promise<ArchiveSource> {
  if (values.file !== undefined) {
    const { openArchiveFile } = await import('./archive-file.js');
    return openArchiveFile(values.file);
  }
  const { openDirectory } = await import('./archive-directory.js');
  return openDirectory(values.dir ?? '.', values.mtime === 'keep' ? 'keep' : epochTime(io));
}

/**
 * The time of packed files: $SOURCE_DATE_EPOCH (reproducible-builds.org), else one second after 1970, because some tools
 * take 0 for "no time".
 */
function epochTime(io: ProgramIo): Date {
  const text = io.env.SOURCE_DATE_EPOCH ?? '1';
  if (!/^\d{1,11}$/.test(text)) {
    throw new DeployError('usage', `SOURCE_DATE_EPOCH is not a number of seconds: "${text}"`);
  }
  return new Date(Number(text) * 1000);
}

async function add(
  io: ProgramIo,
  connection: Connection,
  { name, version, archive }: Addition,
  { quiet, json, new: isNew }: AddverValues,
): Promise<number> {
  const digest =
    typeof archive === 'string' ? { hash: archive } : await uploadArchive(connection, archive, io, quiet);
  const words = ['addver', `-name=${name}`, `-version=${version}`, `-hash=${digest.hash}`];
  const command = joinCommandLine(isNew ? [...words, '-new=true'] : words);
  // With -json, standard output is for JSON alone.
  const status = await connection.exec(command, { stdout: json ? io.stderr : io.stdout, stderr: io.stderr });
  if (status !== 0) return 1;
  if (json) io.stdout.write(`${JSON.stringify({ component: name, version, ...digest })}\n`);
  return 0;
}
