import type { LayerFiles } from './layer-files.js';
import { LayerTaskRunner } from './layer-task-runner.js';
import type { VerifiedLayer } from './verify-layer.js';

/**
 * Proves that a manifest and its pack are whole: every digest, length, place and total, in a thread of its own. It does
 * not look at the archive: compare what it returns.
 * @throws DeployError corrupt: make them again from the archive; unsupported: another version of the format;
 *   not-found; denied; cancelled.
 */
export function verifyPack(
  files: LayerFiles,
  signal: AbortSignal,
  runner: LayerTaskRunner = new LayerTaskRunner(),
): Promise<VerifiedLayer> {
  return runner.run('verify', files, signal);
}
