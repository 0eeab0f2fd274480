/** An entry of a transparency log, as Sigstore's bundles have it in JSON. Numbers are decimal digits, bytes base64. */
export interface LogEntry {
  readonly logIndex: string;
  readonly logId: { readonly keyId: string };
  readonly kindVersion: { readonly kind: string; readonly version: string };
  /** Seconds since the epoch; `0` where the log knows no time. */
  readonly integratedTime: string;
  readonly inclusionPromise?: { readonly signedEntryTimestamp: string } | undefined;
  readonly inclusionProof?:
    | {
        readonly logIndex: string;
        readonly rootHash: string;
        readonly treeSize: string;
        readonly hashes: readonly string[];
        readonly checkpoint: { readonly envelope: string };
      }
    | undefined;
  readonly canonicalizedBody: string;
}

/** What proves that a signature was made, and when. */
export interface SignatureProof {
  readonly entries: readonly LogEntry[];
  /** Answers of timestamp authorities (RFC 3161, `TimeStampResp`), DER. */
  readonly timestamps: readonly Buffer[];
}
