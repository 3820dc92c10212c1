import { EntryPolicy } from '@deploy-tools/shared/archive/entry-policy.js';
import type { TarEntry } from '@deploy-tools/shared/archive/tar-entry.js';
import { DEFAULT_UNPACK_POLICY, type UnpackPolicy } from '@deploy-tools/shared/archive/unpack-policy.js';
import { describe, expect, it } from 'vitest';

const MIB = 1024 * 1024;

function entryOf(given: Partial<TarEntry>): TarEntry {
  return {
    type: 'file',
    name: 'f',
    linkName: '',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    deviceMajor: 0,
    deviceMinor: 0,
    ...given,
  };
}

function policy(given: Partial<UnpackPolicy> = {}): EntryPolicy {
  return new EntryPolicy({ ...DEFAULT_UNPACK_POLICY, ...given });
}

describe('EntryPolicy: what may be in an archive', () => {
  it('leaves out setuid, setgid and sticky unless allowed', () => {
    expect(policy().admit(entryOf({ mode: 0o7755 })).mode).toBe(0o755);
    const allow = { ...DEFAULT_UNPACK_POLICY.allow, setid: true };
    expect(policy({ allow }).admit(entryOf({ mode: 0o7755 })).mode).toBe(0o7755);
  });

  it('counts of how many it left them out; a symlink has none to lose', () => {
    const counting = policy();
    const entries = [
      entryOf({ name: 'a', mode: 0o4755 }),
      entryOf({ name: 'tmp', type: 'directory', mode: 0o1777 }),
      entryOf({ name: 'plain' }),
      entryOf({ name: 'link', type: 'symlink', linkName: 'a', mode: 0o7777 }),
    ];
    for (const entry of entries) counting.admit(entry);
    expect(counting.stripped).toBe(2);
  });

  it.each([
    ['fifo', 'FIFOs are not allowed', { fifos: true }],
    ['character-device', 'device nodes are not allowed', { devices: true }],
    ['block-device', 'device nodes are not allowed', { devices: true }],
  ] as const)('refuses a %s unless allowed', (type, message, allowed) => {
    expect(() => policy().admit(entryOf({ type }))).toThrow(`entry "f" is refused: ${message}`);
    const allow = { ...DEFAULT_UNPACK_POLICY.allow, ...allowed };
    expect(policy({ allow }).admit(entryOf({ type })).type).toBe(type);
  });

  it('gives paths in normal form, and keeps the text of a symlink', () => {
    expect(policy().admit(entryOf({ name: './d//f' })).path).toBe('d/f');
    expect(policy().admit(entryOf({ type: 'hardlink', linkName: './d/f' })).linkTarget).toBe('d/f');
    expect(policy().admit(entryOf({ type: 'symlink', linkName: './/d/' })).linkTarget).toBe('.//d/');
  });

  it('refuses a hard link to outside', () => {
    expect(() => policy().admit(entryOf({ type: 'hardlink', linkName: '../f' }))).toThrow(
      'entry "f" is refused: its link target "../f" is not a path inside the release',
    );
    expect(() => policy().admit(entryOf({ type: 'hardlink', linkName: '.' }))).toThrow(/root of the release/);
  });
});

describe('EntryPolicy: bounds', () => {
  it('entries', () => {
    const bounded = policy({ maxEntries: 2 });
    bounded.admit(entryOf({}));
    bounded.admit(entryOf({}));
    expect(() => bounded.admit(entryOf({}))).toThrow('the limit on entries, 2, is exceeded');
  });

  it('bytes: by what an entry claims, before it is read, and by what comes', () => {
    expect(() => policy({ maxBytes: 10 }).admit(entryOf({ size: 11 }))).toThrow(
      'the limit on bytes, 10, is exceeded',
    );
    const bounded = policy({ maxBytes: 10 });
    bounded.countBytes(6, { decompressed: 6, compressed: 6 });
    expect(() => bounded.countBytes(6, { decompressed: 6, compressed: 6 })).toThrow(/limit on bytes, 10/);
  });

  it('expansion ratio, beyond the first 64 MiB only', () => {
    const bounded = policy({ maxRatio: 100 });
    bounded.countBytes(64 * MIB, { decompressed: 64 * MIB, compressed: 1 });
    bounded.countBytes(1, { decompressed: 64 * MIB + 1, compressed: MIB });
    expect(() => bounded.countBytes(1, { decompressed: 101 * MIB, compressed: MIB })).toThrow(
      'the limit on expansion ratio, 100, is exceeded',
    );
  });

  it('path length, of names and of link targets', () => {
    const bounded = policy({ maxPathBytes: 5 });
    expect(() => bounded.admit(entryOf({ name: 'x'.repeat(6) }))).toThrow(/limit on path length, 5/);
    const link = entryOf({ type: 'symlink', linkName: 'x'.repeat(6) });
    expect(() => bounded.admit(link)).toThrow(/limit on path length, 5/);
  });

  it('bytes of names, those of pinned directories included', () => {
    const bounded = policy({ maxNameBytes: 1000 });
    const deep = `${'a/'.repeat(100)}${'../'.repeat(100)}x`;
    expect(() => bounded.admit(entryOf({ type: 'symlink', linkName: deep }))).toThrow(
      /limit on bytes of names, 1000/,
    );
  });
});
