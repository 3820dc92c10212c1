import type { SafeEntry } from '@deploy-tools/shared/archive/entry-policy.js';
import type { Attributes } from '../unpack/attributes.js';
import { fsTime } from '../unpack/file-times.js';

/** Attributes of many entries in columns, since passing thousands of objects between threads takes long. */
export interface AttributeColumns {
  readonly modes: Uint32Array;
  readonly uids: Float64Array;
  readonly gids: Float64Array;
  readonly seconds: Float64Array;
  readonly nanoseconds: Uint32Array;
}

export function attributeColumns<T>(list: readonly T[], entryOf: (item: T) => SafeEntry): AttributeColumns {
  const columns = {
    modes: new Uint32Array(list.length),
    uids: new Float64Array(list.length),
    gids: new Float64Array(list.length),
    seconds: new Float64Array(list.length),
    nanoseconds: new Uint32Array(list.length),
  };
  for (const [row, item] of list.entries()) {
    const entry = entryOf(item);
    columns.modes[row] = entry.mode;
    columns.uids[row] = entry.uid;
    columns.gids[row] = entry.gid;
    columns.seconds[row] = entry.mtimeSeconds;
    columns.nanoseconds[row] = entry.mtimeNanoseconds;
  }
  return columns;
}

export function attributesAt(columns: AttributeColumns, row: number): Attributes {
  return {
    mode: columns.modes[row] ?? 0,
    uid: columns.uids[row] ?? 0,
    gid: columns.gids[row] ?? 0,
    time: fsTime(columns.seconds[row] ?? 0, columns.nanoseconds[row] ?? 0),
  };
}
