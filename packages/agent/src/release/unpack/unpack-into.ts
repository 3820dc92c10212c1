import { readdirSync } from 'node:fs';
import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import { archiveFile, readArchive } from '@deploy-tools/shared/archive/read-archive.js';
import { DeployError } from '@deploy-tools/shared/errors.js';
import { layerError } from '../layer-label.js';
import type { LayerArchive, TreeCounts, UnpackTask } from './tree-task.js';
import { TreeWriter } from './tree-writer.js';

/**
 * Unpacks the layers with synchronous calls: for the worker thread.
 * @throws DeployError as unpackLayers; system errors of the archive files are translated too.
 */
export async function unpackInto(task: UnpackTask): Promise<TreeCounts> {
  const { into, layers, policy, ownership } = task;
  if (readdirSync(into).length > 0) throw new DeployError('exists', `${into} is not empty`);
  const entryPolicy = new EntryPolicy(policy);
  const writer = new TreeWriter(into, ownership);
  try {
    for (const layer of layers) await unpackLayer(layer, entryPolicy, writer);
  } finally {
    writer.close();
  }
  writer.finish();
  return { entries: writer.entries, bytes: writer.bytes, stripped: entryPolicy.stripped };
}

async function unpackLayer(layer: LayerArchive, policy: EntryPolicy, writer: TreeWriter): Promise<void> {
  try {
    await readArchive(archiveFile(layer.archive), policy, writer);
  } catch (error) {
    throw layerError(layer.label, error);
  }
}
