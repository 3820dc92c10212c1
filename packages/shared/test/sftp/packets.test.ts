import { PacketReader } from '@deploy-tools/shared/sftp/packet-reader.js';
import { PacketSplitter } from '@deploy-tools/shared/sftp/packet-splitter.js';
import { PacketWriter } from '@deploy-tools/shared/sftp/packet-writer.js';
import { type Attrs, MAX_PACKET, PACKET } from '@deploy-tools/shared/sftp/protocol.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../support/kind-of.js';
import { anyAttrs, anyName, anyText, anyType, cut, uint32 } from './packet-arbitraries.js';

/** One field of a packet: how it is written, and how it is read. */
type Field =
  | { readonly type: 'uint32' | 'uint64'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array }
  | { readonly type: 'attrs'; readonly value: Attrs };

const anyField: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ type: fc.constant('uint32' as const), value: uint32 }),
  fc.record({ type: fc.constant('uint64' as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('string' as const), value: anyText }),
  fc.record({ type: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant('attrs' as const), value: anyAttrs }),
);

function write(packet: PacketWriter, field: Field): void {
  if (field.type === 'attrs') packet.attrs(field.value);
  else if (field.type === 'string' || field.type === 'bytes') packet.string(field.value);
  else packet[field.type](field.value);
}

function read(packet: PacketReader, field: Field): unknown {
  return field.type === 'bytes' ? new Uint8Array(packet.bytes()) : packet[field.type]();
}

describe('PacketWriter and PacketReader', () => {
  test('any fields are read back, and nothing remains', () => {
    fc.assert(
      fc.property(anyType, fc.array(anyField), fc.nat(200), (type, fields, sizeHint) => {
        const packet = new PacketWriter(type, sizeHint);
        for (const field of fields) write(packet, field);
        const bytes = packet.finish();
        expect([bytes.readUInt32BE(0), bytes[4]]).toEqual([bytes.length - 4, type]);
        const reader = new PacketReader(bytes, 5);
        for (const field of fields) expect(read(reader, field)).toEqual(field.value);
        expect(reader.remaining).toBe(0);
      }),
    );
  });

  test('any directory entry is read back', () => {
    fc.assert(
      fc.property(anyName, (entry) => {
        const bytes = new PacketWriter(PACKET.NAME).nameEntry(entry).finish();
        expect(new PacketReader(bytes, 5).nameEntry()).toEqual(entry);
      }),
    );
  });

  test('any bytes are read or corrupt, never beyond the packet', () => {
    const fields = fc.array(
      fc.constantFrom('uint8', 'uint32', 'uint64', 'bytes', 'string', 'attrs', 'nameEntry'),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fields, (bytes, methods) => {
        const around = Buffer.concat([Buffer.alloc(8, 1), bytes, Buffer.alloc(8, 1)]);
        const reader = new PacketReader(around.subarray(8, 8 + bytes.length));
        for (const method of methods) {
          const outcome = kindOf(() => reader[method as 'uint8']());
          expect(['corrupt', 'nothing thrown']).toContain(outcome);
          expect(reader.remaining).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test('a packet cut anywhere is corrupt', () => {
    fc.assert(
      fc.property(anyName, fc.nat(), (entry, at) => {
        const bytes = new PacketWriter(PACKET.NAME).nameEntry(entry).finish().subarray(5);
        const short = bytes.subarray(0, at % bytes.length);
        expect(kindOf(() => new PacketReader(short).nameEntry())).toBe('corrupt');
      }),
    );
  });

  test('extended attributes are passed over, and bounded by the packet', () => {
    const extended = new PacketWriter(PACKET.ATTRS).uint32(0x8000_0001).uint64(7).uint32(2);
    const bytes = extended.string('a@b').string('c').string('d@e').string('').uint32(42).finish();
    const reader = new PacketReader(bytes, 5);
    expect(reader.attrs()).toEqual({ size: 7 });
    expect(reader.uint32()).toBe(42);
    const endless = new PacketWriter(PACKET.ATTRS).uint32(0x8000_0000).uint32(0xffff_ffff).finish();
    expect(kindOf(() => new PacketReader(endless, 5).attrs())).toBe('corrupt');
  });

  test('an offset beyond 2^53 is corrupt', () => {
    const bytes = Buffer.alloc(8, 0xff);
    expect(kindOf(() => new PacketReader(bytes).uint64())).toBe('corrupt');
  });
});

describe('PacketSplitter', () => {
  const anyPackets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 400 }), { maxLength: 12 });
  const framed = (packets: readonly Uint8Array[]) =>
    Buffer.concat(
      packets.flatMap((packet) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(packet.length);
        return [length, packet];
      }),
    );

  test('any chunking of a stream gives the same packets', () => {
    fc.assert(
      fc.property(anyPackets, fc.array(fc.nat()), (packets, places) => {
        const splitter = new PacketSplitter();
        const found = cut(framed(packets), places).flatMap((chunk) => splitter.push(chunk));
        expect(found.map((packet) => new Uint8Array(packet))).toEqual(packets);
        expect(splitter.atBoundary).toBe(true);
      }),
    );
  });

  test('a stream that ends within a packet is not at a boundary', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.nat(),
        fc.array(fc.nat()),
        (packet, end, places) => {
          const stream = framed([packet]);
          const splitter = new PacketSplitter();
          for (const chunk of cut(stream.subarray(0, 1 + (end % (stream.length - 1))), places))
            splitter.push(chunk);
          expect(splitter.atBoundary).toBe(false);
        },
      ),
    );
  });

  test('any bytes give packets within bounds or are corrupt', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
        const splitter = new PacketSplitter();
        for (const chunk of chunks) {
          const outcome = kindOf(() => {
            for (const packet of splitter.push(Buffer.from(chunk))) expect(packet.length).toBeGreaterThan(0);
          });
          expect(['corrupt', 'nothing thrown']).toContain(outcome);
          if (outcome === 'corrupt') return;
        }
      }),
    );
  });

  test('takes the largest packet, refuses a larger or an empty one before it arrives', () => {
    const packet = Buffer.alloc(MAX_PACKET, 7);
    const stream = framed([packet]);
    const splitter = new PacketSplitter();
    expect(splitter.push(stream.subarray(0, 100_000))).toEqual([]);
    expect(splitter.push(stream.subarray(100_000))[0]?.equals(packet)).toBe(true);
    for (const length of [0, MAX_PACKET + 1, 0xffff_ffff]) {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(length);
      expect(kindOf(() => new PacketSplitter().push(head))).toBe('corrupt');
    }
  });
});
