import { joinCommandLine } from '@deploy-tools/shared/cli/command-line.js';
import type { Captured, Connection } from '@deploy-tools/shared/client/connection.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import type { LayerRef } from '@deploy-tools/shared/model.js';
import { uploadArchive } from '../addver/upload-archive.js';
import { versionOfRow, versionsCommand } from '../component-versions.js';
import type { ProgramIo } from '../program-io.js';
import type { MadeLayer } from './make-layers.js';

const MAX_OUTPUT = 4 * 1024 * 1024;

/**
 * Adds the layers that the registry does not have, each as a component version named by its hash. Archives that the registry
 * already has under another name are not uploaded.
 * @returns the number of uploaded archives.
 * @throws DeployError with the registry's message when it refuses.
 */
export async function deployLayers(
  connection: Connection,
  layers: readonly MadeLayer[],
  io: ProgramIo,
  quiet: boolean,
): Promise<number> {
  let uploaded = 0;
  for (const layer of layers) {
    if (await hasVersion(connection, layer)) continue;
    if ((await addVersion(connection, layer)).status === 0) continue;
    await uploadArchive(connection, layer.archive, io, quiet);
    uploaded += 1;
    const added = await addVersion(connection, layer);
    // Another client may have added the same layer meanwhile.
    if (added.status !== 0 && !(await hasVersion(connection, layer))) throw refused(layer.component, added);
  }
  return uploaded;
}

/** Checks that the registry has these versions. @throws DeployError not-found; invalid with the registry's message. */
export async function checkLayers(connection: Connection, layers: readonly LayerRef[]): Promise<void> {
  for (const { component, version } of layers) {
    if ((await versionsOf(connection, component)).includes(version)) continue;
    throw new DeployError(
      'not-found',
      `the registry has no version "${version}" of component "${component}"`,
      {
        hint: 'add it first, or correct -layer; nothing was uploaded',
      },
    );
  }
}

/** Makes or replaces the configuration. @throws DeployError when the registry refuses. */
export async function deployConfiguration(
  connection: Connection,
  name: string,
  layers: readonly string[],
): Promise<void> {
  const answer = await connection.capture(configurationCommand(name, layers), MAX_OUTPUT);
  if (answer.status !== 0) throw refused(`configuration ${name}`, answer);
}

/** The command that makes the configuration. */
export function configurationCommand(name: string, layers: readonly string[]): string {
  return joinCommandLine(['addconf', `-name=${name}`, ...layers.map((layer) => `-layer=${layer}`)]);
}

async function hasVersion(connection: Connection, { component, hash }: MadeLayer): Promise<boolean> {
  return (await versionsOf(connection, component)).includes(hash);
}

/** The versions of a component, oldest first; none when there is no such component. */
async function versionsOf(connection: Connection, component: string): Promise<string[]> {
  const answer = await connection.capture(versionsCommand(component), MAX_OUTPUT);
  if (answer.status !== 0) throw refused(`the query for component ${component}`, answer);
  return answer.stdout.split('\n').map(versionOfRow);
}

function addVersion(connection: Connection, { component, hash }: MadeLayer): Promise<Captured> {
  const command = joinCommandLine(['addver', `-name=${component}`, `-version=${hash}`, `-hash=${hash}`]);
  return connection.capture(command, MAX_OUTPUT);
}

/** An error with the registry's reason, which a Go registry prints on standard output. */
function refused(what: string, { stdout, stderr, status }: Captured): DeployError {
  const said = stderr.trim() === '' ? stdout.trim() : stderr.trim();
  const reason = said === '' ? `exit status ${status}` : said;
  return new DeployError('invalid', `the registry refuses ${what}: ${reason}`);
}
