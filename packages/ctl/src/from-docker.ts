import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { flag } from '@deploy-tools/shared/cli/flag-table.js';
import { type FlagValues, parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { flagUsage } from '@deploy-tools/shared/cli/usage.js';
import { asUsage } from '@deploy-tools/shared/commands/check-arguments.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import { programVersion } from '@deploy-tools/shared/version.js';
import { CONNECTION_FLAGS } from './client/connection-flags.js';
import { connectAsOperator } from './client/open-connection.js';
import { explainUsage } from './explain-usage.js';
import { checkImageName, configurationName, refuseTwice } from './from-docker/configuration-name.js';
import {
  checkLayers,
  configurationCommand,
  deployConfiguration,
  deployLayers,
} from './from-docker/deploy-layers.js';
import { findImage } from './from-docker/find-image.js';
import { type MadeLayer, makeLayers } from './from-docker/make-layers.js';
import { spoolArchive } from './from-docker/spool-archive.js';
import type { ProgramIo } from './program-io.js';

const FLAGS = [
  ...CONNECTION_FLAGS,
  flag.text('name', 'configuration name (default: the tag of the image, ":" and "/" replaced by ".")', {
    completes: 'configuration',
  }),
  flag.list('layer', 'additional layer on top of the image, in component:version format', {
    completes: 'layer',
  }),
  flag.bool('n', 'show what would be added, without a connection'),
  flag.bool('quiet', 'show no progress'),
  flag.bool('version', 'print the version of deploy-from-docker and exit'),
] as const;

type FromDockerValues = FlagValues<typeof FLAGS>;

/**
 * The body of deploy-from-docker: makes a configuration of the image archive on standard input.
 * @returns the exit status.
 * @throws DeployError except usage: usage errors are printed here.
 */
export async function fromDocker(io: ProgramIo): Promise<number> {
  const parsed = await explainUsage(io, usage, () => {
    const result = parseFlags({ flags: FLAGS }, io.argv);
    if (!result.help && !result.values.version) checkInput(io, result.values);
    return result;
  });
  if (parsed === undefined) return 2;
  if (parsed.help || parsed.values.version) {
    io.stdout.write(parsed.help ? usage() : `deploy-from-docker ${programVersion()}\n`);
    return 0;
  }
  const dir = mkdtempSync(join(io.env.TMPDIR ?? tmpdir(), 'deploy-from-docker-'));
  try {
    await deployImage(io, parsed.values, dir);
    return 0;
  } catch (error) {
    throw io.signal.aborted ? new DeployError('cancelled', 'cancelled', { cause: error }) : error;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Checks the command line as far as that needs no image. @throws DeployError usage. */
function checkInput(io: ProgramIo, values: FromDockerValues): void {
  asUsage(() => values.name === undefined || checkImageName(values.name, 1), '-name: ');
  asUsage(() => refuseTwice(values.layer.map((layer) => parseLayerRef(layer).component)), '-layer: ');
  if (io.stdin.isTTY === true) {
    throw new DeployError('usage', 'no image on standard input', {
      hint: 'run it as docker save IMAGE:TAG | deploy-from-docker',
    });
  }
}

async function deployImage(io: ProgramIo, values: FromDockerValues, dir: string): Promise<void> {
  addAbortSignal(io.signal, io.stdin);
  const image = findImage(await spoolArchive(io.stdin, dir));
  const name = configurationName(image, values.name, values.layer);
  const layers = await makeLayers(image, name, dir, io.signal);
  const refs = [...layers.map(({ component, hash }) => `${component}:${hash}`), ...values.layer];
  if (values.n) {
    io.stdout.write(describePlan(name, layers, refs));
    return;
  }
  const connection = await connectAsOperator(values, io);
  try {
    await checkLayers(connection, values.layer.map(parseLayerRef));
    const uploaded = await deployLayers(connection, layers, io, values.quiet);
    await deployConfiguration(connection, name, refs);
    if (!values.quiet) {
      io.stderr.write(`configuration ${name}: ${refs.length} layers, ${uploaded} of them uploaded\n`);
    }
  } finally {
    connection.close();
  }
}

/** The commands that would be run, one a line. */
function describePlan(name: string, layers: readonly MadeLayer[], refs: readonly string[]): string {
  const uploads = layers.map(
    ({ component, hash, size }) => `addver -name=${component} -version=${hash} (${formatByteSize(size)})\n`,
  );
  return `${uploads.join('')}${configurationCommand(name, refs)}\n`;
}

function usage(): string {
  return `Usage: docker save IMAGE:TAG | deploy-from-docker [flags]

make a configuration of an image: each of its layers becomes a component version

${flagUsage(FLAGS)}
exit status: 0 done, 1 failed, 2 wrong usage, 4 cannot connect or authenticate
`;
}
