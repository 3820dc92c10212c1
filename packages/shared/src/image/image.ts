/** One stored layer of an image: tar, tar.gz or tar.zst. */
export interface ImageLayer {
  readonly file: { readonly path: string };
  /** Hex SHA-256 of the layer's tar stream; undefined when the image does not state it. */
  readonly diffId: string | undefined;
}

/** A layer with its name for messages. */
export interface LabelledLayer extends ImageLayer {
  readonly label: string;
}
