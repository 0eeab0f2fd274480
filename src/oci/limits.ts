/**
 * Bounds on what the outside may send. A registry or a file that goes beyond one of them is refused, never
 * buffered: the distribution specification asks registries to accept manifests of at least 4 MiB, so nothing larger
 * travels between registries.
 */
export const limits = {
  /** Bytes of one manifest or index. */
  manifestBytes: 4 * 1024 * 1024,
  /** Objects and lists within each other in the JSON of a manifest; those that the specification knows have six. */
  jsonDepth: 128,
  /** Levels of indexes within indexes. */
  indexDepth: 8,
  /** Bytes of all manifests and indexes in the closure of one image together. */
  closureBytes: 16 * 1024 * 1024,
  /**
   * Bytes of manifests beyond which few images are held in memory at a time: an index of ten platforms has some 50 KiB
   * with its manifests.
   */
  wideClosureBytes: 256 * 1024,
  /** Descriptors in the closure of one image. */
  closureDescriptors: 20_000,
} as const;
