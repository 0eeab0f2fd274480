/** Signs with one key or identity; made of {@link SignerSettings} by whoever has settings. */
export interface Signer {
  /** What the settings call it. */
  readonly name: string;
  /**
   * A Sigstore bundle v0.3 with a DSSE envelope over these bytes of an in-toto statement, with whatever log entry and timestamp
   * the signer is set to get. @throws {SigningError}
   */
  bundle(statement: Uint8Array): Promise<Uint8Array>;
  /** A signature over these bytes as cosign's older layout has it: base64, and annotations of its layer. @throws {SigningError} */
  simpleSigning(payload: Uint8Array): Promise<Readonly<Record<string, string>>>;
  /** A DSSE envelope over these bytes, and annotations of its layer in cosign's older layout. @throws {SigningError} */
  envelope(
    statement: Uint8Array,
  ): Promise<{ readonly bytes: Uint8Array; readonly annotations: Readonly<Record<string, string>> }>;
}
