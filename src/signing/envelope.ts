/** The type of in-toto statements in envelopes. */
export const inTotoPayload = "application/vnd.in-toto+json";

/** A DSSE envelope in JSON, with one signature. */
export interface DsseEnvelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
}

/** The bytes that an envelope's signature is over (DSSE, "PAE"): lengths are counted in bytes. */
export function signedBytesOf(payload: Uint8Array, payloadType: string = inTotoPayload): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** An envelope around an in-toto statement and the signature of its {@link signedBytesOf}. */
export function envelopeOf(statement: Uint8Array, signature: Uint8Array): DsseEnvelope {
  return {
    payloadType: inTotoPayload,
    payload: Buffer.from(statement).toString("base64"),
    // Sigstore's verifiers take the key from elsewhere; cosign leaves it empty as well.
    signatures: [{ keyid: "", sig: Buffer.from(signature).toString("base64") }],
  };
}
