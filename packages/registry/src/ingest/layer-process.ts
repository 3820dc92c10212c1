import type { LayerTaskOf, LayerTasks } from './layer-task.js';

/** What a process of run-in-process.ts is told to do, once. */
export interface ProcessTask {
  readonly task: LayerTaskOf<keyof LayerTasks>;
  /** For the objects of its thread, in MiB. */
  readonly heapMiB: number;
  /** For all of the process, what V8 keeps outside of its heap included, in bytes. */
  readonly maxBytes: number;
}
