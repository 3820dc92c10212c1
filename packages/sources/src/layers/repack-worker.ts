import { serveThread } from '@deploy-tools/shared/thread/serve-thread.js';
import type { ImageTask, RepackTask } from './repack.js';
import { imageInto, repackInto } from './repack-into.js';

/** The body of the thread that repack.ts starts. */
await serveThread(async (task: RepackTask | ImageTask) =>
  task.content === 'image' ? await imageInto(task) : [await repackInto(task)],
);
