import { formatDuration } from '@deploy-tools/shared/duration.js';
import { describeError } from '@deploy-tools/shared/errors.js';
import { destinationPlace } from '../../place/sync/destination-place.js';
import { lockDestination } from '../../place/sync/lock-destination.js';
import { requireRsync } from '../../place/sync/run-rsync.js';
import { deployArchive } from './deploy-archive.js';
import type { DeployContext } from './deploy-context.js';
import type { DeployFile } from './deploy-file.js';
import { loadDeployFile } from './load-deploy-file.js';
import { type CommandsRun, runCommands, runLastCommands } from './run-commands.js';

/**
 * Runs one deployment: random delay, manifest, archive and its checksum, `pre`, unpacking, syncing, `post`, then `success` or
 * `failure`. Logs every error.
 * @param whichDeployFile gives the manifest's URL; undefined: there is nothing to do.
 * @returns whether it succeeded.
 */
export async function runDeployFile(
  whichDeployFile: () => Promise<string | undefined>,
  context: DeployContext,
): Promise<boolean> {
  const { log } = context;
  let manifest: DeployFile;
  try {
    await randomDelay(context);
    const url = await whichDeployFile();
    if (url === undefined) {
      log.line('there is no event yet: nothing to do');
      return true;
    }
    manifest = await loadDeployFile(url, context);
  } catch (error) {
    log.line(`failed: ${describeError(error)}`);
    return false;
  }
  return await holdingDestination(manifest, context);
}

async function randomDelay({ settings, timers, log, signal }: DeployContext): Promise<void> {
  if (settings.randomDelayMs <= 0) return;
  const ms = Math.round(Math.random() * settings.randomDelayMs);
  log.line(`waiting ${formatDuration(ms)}`);
  await timers.sleep(ms, signal);
}

/** Runs the deployment and the commands at its end, and releases the destination after both. */
async function holdingDestination(manifest: DeployFile, context: DeployContext): Promise<boolean> {
  const held = { release: (): void => {} };
  try {
    const failure = await deploy(manifest, context, held).catch((error: unknown) => ({ error }));
    return await atTheEnd(manifest, context, failure);
  } finally {
    held.release();
  }
}

/** @param held gets what releases the destination, as soon as it is held. */
async function deploy(
  manifest: DeployFile,
  context: DeployContext,
  held: { release: () => void },
): Promise<undefined> {
  const { settings, timers, log, signal } = context;
  const { archive } = manifest;
  const run = commandsRun(manifest, context, signal);
  const pre = (): Promise<void> => runCommands('pre', run);
  if (archive === undefined) await pre();
  else {
    requireRsync(archive);
    const destination = { to: archive.dest, strategy: archive.strategy };
    const claim = { ...destination, owner: undefined, waits: settings.waits };
    held.release = await lockDestination({ ...claim, timers, log: log.line, signal });
    await deployArchive({ archive, place: destinationPlace(destination), beforeUnpacking: pre }, context);
  }
  await runCommands('post', run);
}

/** Runs the commands for a result, which their own failures do not change. */
async function atTheEnd(
  manifest: DeployFile,
  context: DeployContext,
  failure: { readonly error: unknown } | undefined,
): Promise<boolean> {
  const { log } = context;
  log.line(failure === undefined ? 'the deployment succeeded' : `failed: ${describeError(failure.error)}`);
  // A stopped deployment is reported too.
  const signal = context.signal.aborted ? new AbortController().signal : context.signal;
  const list = failure === undefined ? 'success' : 'failure';
  try {
    await runLastCommands(list, commandsRun(manifest, context, signal), context.print);
  } catch (error) {
    log.line(describeError(error));
  }
  return failure === undefined;
}

function commandsRun(
  manifest: DeployFile,
  { log, environment }: DeployContext,
  signal: AbortSignal,
): CommandsRun {
  const defined = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return { manifest, log, environment: Object.fromEntries(defined), signal };
}
