import { DeployError } from '@deploy-tools/shared/errors.js';
import { PAGE_HEADER_BYTES } from './bolt-meta.js';

/** A key with its value, or with the nested bucket that it names. */
export interface BoltItem {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly isBucket: boolean;
}

export type BoltPage =
  | { readonly kind: 'branch'; readonly children: readonly bigint[] }
  | { readonly kind: 'leaf'; readonly items: readonly BoltItem[] };

export interface PageHeader {
  readonly id: bigint;
  /** The number of following pages that belong to this one. */
  readonly overflow: number;
}

const BRANCH = 0x01;
const LEAF = 0x02;
/** The size of both kinds of element: flags, pos, ksize, vsize (u32 each); or pos, ksize (u32), page (u64). */
const ELEMENT_BYTES = 16;
const BUCKET_ITEM = 0x01;

export function readPageHeader(page: Buffer): PageHeader {
  return { id: page.readBigUInt64LE(0), overflow: page.readUInt32LE(12) };
}

/**
 * Parses a page, overflow included.
 * @throws DeployError corrupt when anything points outside the page, or when keys are not in ascending order.
 */
export function parseBoltPage(page: Buffer): BoltPage {
  const flags = page.readUInt16LE(8);
  const count = page.readUInt16LE(10);
  if (PAGE_HEADER_BYTES + count * ELEMENT_BYTES > page.length) throw damaged('its elements do not fit');
  const starts = Array.from({ length: count }, (_, index) => PAGE_HEADER_BYTES + index * ELEMENT_BYTES);
  if (flags === LEAF) {
    const items = starts.map((at) => leafItem(page, at));
    checkOrder(items.map((item) => item.key));
    return { kind: 'leaf', items };
  }
  if (flags === BRANCH) {
    if (count === 0) throw damaged('it is a branch without children');
    checkOrder(starts.map((at) => slice(page, at + page.readUInt32LE(at), page.readUInt32LE(at + 4))));
    return { kind: 'branch', children: starts.map((at) => page.readBigUInt64LE(at + 8)) };
  }
  throw damaged(`it is neither branch nor leaf (flags ${flags})`);
}

function leafItem(page: Buffer, at: number): BoltItem {
  const keyAt = at + page.readUInt32LE(at + 4);
  const keyLength = page.readUInt32LE(at + 8);
  return {
    key: slice(page, keyAt, keyLength),
    value: slice(page, keyAt + keyLength, page.readUInt32LE(at + 12)),
    isBucket: (page.readUInt32LE(at) & BUCKET_ITEM) !== 0,
  };
}

function slice(page: Buffer, from: number, length: number): Buffer {
  if (from + length > page.length) throw damaged('a key or value lies outside it');
  return page.subarray(from, from + length);
}

function checkOrder(keys: readonly Buffer[]): void {
  keys.forEach((key, index) => {
    const before = keys[index - 1];
    if (before !== undefined && before.compare(key) >= 0) throw damaged('its keys are not in order');
  });
}

function damaged(reason: string): DeployError {
  return new DeployError('corrupt', reason);
}
