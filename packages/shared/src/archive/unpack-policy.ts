/** The bounds and permitted entries of archives, as plain data. */
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
  /** Entries of all layers of a release. */
  readonly maxEntries: number;
  /** Decompressed bytes of all layers, with headers. */
  readonly maxBytes: number;
  /** Decompressed bytes for one compressed byte; checked after the first 64 MiB. */
  readonly maxRatio: number;
  /** Bytes in one name or link target. */
  readonly maxPathBytes: number;
  /** Bytes of all names and link targets: bounds the memory of the checks. */
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

/** The default policy without bounds on the size of a release. */
export const SIZELESS_UNPACK_POLICY: UnpackPolicy = {
  ...DEFAULT_UNPACK_POLICY,
  maxEntries: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
};

/** Decompressed bytes below which the ratio is not checked: small archives of zeros may expand a thousandfold. */
export const RATIO_FREE_BYTES = 64 * 1024 ** 2;
