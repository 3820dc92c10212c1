/** What an archive may contain and how much: plain data, so that it can be configured, sent and compared. */
export interface UnpackPolicy {
  readonly allow: {
    /** Symlinks whose target is absolute or outside of the release. Nothing is ever written through a symlink. */
    readonly outsideLinks: boolean;
    /** Character and block devices. */
    readonly devices: boolean;
    readonly fifos: boolean;
    /** Keeps setuid, setgid and sticky bits, which are otherwise left out. */
    readonly setid: boolean;
  };
  /** Entries of all layers of a release together. */
  readonly maxEntries: number;
  /** Decompressed bytes of all layers together, headers included. */
  readonly maxBytes: number;
  /** Decompressed bytes for one compressed byte; looked at beyond the first 64 MiB only. */
  readonly maxRatio: number;
  /** Bytes in one name or link target. */
  readonly maxPathBytes: number;
  /** Bytes in all names and link targets together: bounds the memory that checking them takes. */
  readonly maxNameBytes: number;
}

export const DEFAULT_UNPACK_POLICY: UnpackPolicy = {
  allow: { outsideLinks: false, devices: false, fifos: false, setid: false },
  maxEntries: 1_000_000,
  maxBytes: 50 * 1024 ** 3,
  maxRatio: 1000,
  maxPathBytes: 4095,
  maxNameBytes: 128 * 1024 ** 2,
};

/** Output below this is never too large for its input: small archives of zeros expand a thousandfold and harm nobody. */
export const RATIO_FREE_BYTES = 64 * 1024 ** 2;
