/** One layer of an image as it is stored: tar, tar.gz or tar.zst. */
export interface ImageLayer {
  readonly file: { readonly path: string };
  /** Hex SHA-256 of the layer's tar stream; undefined when the image does not tell. */
  readonly diffId: string | undefined;
}
