/** Bytes to upload, read once. */
export interface ArchiveSource {
  /** The name of the source in messages. */
  readonly label: string;
  /** Bytes, when known beforehand. */
  readonly size: number | undefined;
  /** @throws DeployError when the file changed while it was read. */
  read(signal: AbortSignal): AsyncIterable<Uint8Array>;
}
