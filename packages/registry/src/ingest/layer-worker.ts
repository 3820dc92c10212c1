import { archiveFile } from '@deploy-tools/shared/archive/read-archive.js';
import { serveThread } from '@deploy-tools/shared/thread/serve-thread.js';
import { ingestArchive } from './ingest-archive.js';
import type { LayerTask } from './layer-task.js';
import { verifyLayer } from './verify-layer.js';

/** The body of the thread that runLayerTask starts. */
await serveThread(async (task: LayerTask) =>
  task.kind === 'ingest'
    ? await ingestArchive(task.given, archiveFile(task.given.archive))
    : verifyLayer(task.given),
);
