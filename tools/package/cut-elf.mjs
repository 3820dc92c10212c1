/**
 * A program for Linux (ELF, 64 bits, little-endian) without what is not loaded when it runs: symbols, debugging information and
 * the table of sections. As strip(1), for each processor, with the same bytes everywhere.
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
 * @throws when it is none.
 */
export function cutElf(file) {
  if (file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1)
    throw new Error('not an ELF file of 64 bits, little-endian');
  const tableAt = Number(file.readBigUInt64LE(0x20));
  const [entryBytes, entries] = [file.readUInt16LE(0x36), file.readUInt16LE(0x38)];
  let end = tableAt + entryBytes * entries;
  for (let entry = 0; entry < entries; entry++) {
    const at = tableAt + entry * entryBytes;
    const [offset, length] = [file.readBigUInt64LE(at + 0x08), file.readBigUInt64LE(at + 0x20)];
    end = Math.max(end, Number(offset + length));
  }
  const cut = Buffer.from(file.subarray(0, end));
  cut.writeBigUInt64LE(0n, 0x28); // where the table of sections is
  cut.writeUInt16LE(0, 0x3c); // how many there are
  cut.writeUInt16LE(0, 0x3e); // which one has their names
  return cut;
}
