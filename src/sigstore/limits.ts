/**
 * Bounds on what the outside may send. Whoever may push to a registry may attach anything, so that nothing is parsed, and no
 * expensive function is called, before it is known to be within them.
 */
export const sigstoreLimits = {
  /** Bytes of a bundle or an envelope: attestations hold whole SBOMs. Readers of blobs ask for no more. */
  bundleBytes: 32 * 1024 * 1024,
  /** Bytes of what one of cosign's older signatures is over. */
  payloadBytes: 64 * 1024,
  /** Bytes of one annotation of a layer: a signature, a certificate, an entry of a log. */
  annotationBytes: 256 * 1024,
  /** Objects and lists within each other in any JSON. */
  jsonDepth: 64,
  /** Objects, lists, and what is in them in any JSON: each takes some sixty bytes of memory, however few it takes in the text. */
  jsonValues: 1_000_000,
  /** Certificates of a bundle; only the first is looked at. */
  certificates: 10,
  /** Bytes of one certificate. */
  certificateBytes: 16 * 1024,
  /** Entries of logs in one bundle, each of which costs three checks of signatures. */
  logEntries: 8,
  /** Hashes of a proof of inclusion: the depth of the tree. */
  proofHashes: 64,
  /** Bytes of a checkpoint of a log. */
  checkpointBytes: 16 * 1024,
  /** Timestamps of one bundle. */
  timestamps: 8,
  /** Bytes of one timestamp. */
  timestampBytes: 32 * 1024,
  /** Bytes of one signature: RSA with 16,384 bits has 2,048. */
  signatureBytes: 4096,
  /** Subjects of one statement. */
  subjects: 4096,
  /** Keys that one verifier has. */
  keys: 256,
  /** Bytes of a key file. */
  keyFileBytes: 64 * 1024,
  /** Bytes of a `trusted_root.json`. */
  trustedRootBytes: 4 * 1024 * 1024,
  /** Authorities and logs of each kind in a trusted root. */
  authorities: 64,
} as const;
