/**
 * Has V8 collect what is left of the packets that chunks came in: it lies outside of V8's own heap, whose size alone tells
 * V8 when to collect, and would grow to tens of megabytes. To be called after each megabyte or so; takes half a
 * millisecond. Does nothing where the program was started without `--expose-gc`.
 */
export function collectPackets(): void {
  globalThis.gc?.(true);
}
