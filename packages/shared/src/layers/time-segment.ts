import { DeployError } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { type EntryTime, MAX_SECONDS, TIME_SEGMENT_ENTRIES } from './manifest.js';

/**
 * The bytes of a time segment: a column of seconds, then one of nanoseconds.
 * @param times 1 to TIME_SEGMENT_ENTRIES.
 * @throws DeployError unsupported, for a time further than MAX_SECONDS from 1970.
 */
export function encodeTimeSegment(times: readonly EntryTime[]): Buffer {
  const writer = new ByteWriter();
  let before = 0;
  for (const { seconds } of times) {
    if (Math.abs(seconds) > MAX_SECONDS) {
      throw new DeployError('unsupported', `a manifest cannot hold a time of ${seconds} seconds`);
    }
    writer.zigzag(seconds - before);
    before = seconds;
  }
  for (const { nanoseconds } of times) writer.varint(nanoseconds);
  return writer.finish();
}

/**
 * The times of a segment.
 * @param count the number of times, from the root.
 * @throws DeployError corrupt.
 */
export function decodeTimeSegment(bytes: Uint8Array, count: number): EntryTime[] {
  const reader = new ByteReader(bytes, 'time segment');
  if (count < 1 || count > TIME_SEGMENT_ENTRIES) throw reader.corrupt(`it cannot have ${count} entries`);
  const seconds: number[] = [];
  let before = 0;
  for (let at = 0; at < count; at++) {
    before += reader.zigzag('seconds');
    if (Math.abs(before) > MAX_SECONDS) throw reader.corrupt(`a time of ${before} seconds`);
    seconds.push(before);
  }
  const times = seconds.map((value) => ({
    seconds: value,
    nanoseconds: reader.varint('nanoseconds', 0, 999_999_999),
  }));
  reader.end();
  return times;
}
