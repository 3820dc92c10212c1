import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { formatByteSize } from '@deploy-tools/shared/byte-size.js';
import { parseFlags } from '@deploy-tools/shared/cli/flags.js';
import { flagUsage } from '@deploy-tools/shared/cli/usage.js';
import { DeployError, isDeployError } from '@deploy-tools/shared/errors.js';
import { parseLayerRef } from '@deploy-tools/shared/names.js';
import { programVersion } from '@deploy-tools/shared/version.js';
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
import { FROM_DOCKER_FLAGS, type FromDockerValues } from './from-docker/from-docker-flags.js';
import { type MadeLayer, makeLayers } from './from-docker/make-layers.js';
import { spoolArchive } from './from-docker/spool-archive.js';
import type { ProgramIo } from './program-io.js';

/**
 * The body of deploy-from-docker: makes a configuration of the image archive on standard input.
 * @returns the exit status.
 * @throws DeployError for what is not a usage error, which is explained on stderr here.
 */
export async function fromDocker(io: ProgramIo): Promise<number> {
  const parsed = await explainUsage(io, usage, () => {
    const result = parseFlags({ flags: FROM_DOCKER_FLAGS }, io.argv);
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

/** What is wrong with the command line itself. @throws DeployError usage. */
function checkInput(io: ProgramIo, values: FromDockerValues): void {
  asUsage('-name', () => values.name === undefined || checkImageName(values.name, 1));
  asUsage('-layer', () => refuseTwice(values.layer.map((layer) => parseLayerRef(layer).component)));
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

function asUsage(flag: string, check: () => unknown): void {
  try {
    check();
  } catch (error) {
    if (!isDeployError(error) || error.kind === 'usage') throw error;
    throw new DeployError('usage', `${flag}: ${error.message}`, { cause: error });
  }
}

/** What would be done, a command in each line. */
function describePlan(name: string, layers: readonly MadeLayer[], refs: readonly string[]): string {
  const uploads = layers.map(
    ({ component, hash, size }) => `addver -name=${component} -version=${hash} (${formatByteSize(size)})\n`,
  );
  return `${uploads.join('')}${configurationCommand(name, refs)}\n`;
}

function usage(): string {
  return `Usage: docker save IMAGE:TAG | deploy-from-docker [flags]

make a configuration of an image: each of its layers becomes a component version

${flagUsage(FROM_DOCKER_FLAGS)}
exit status: 0 done, 1 failed, 2 wrong usage, 4 cannot connect or authenticate
`;
}
