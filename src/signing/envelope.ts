import { dsseBytes, inTotoPayload } from "../sigstore/index.ts";

/** A DSSE envelope in JSON, with one signature. */
export interface DsseEnvelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly [{ readonly keyid: string; readonly sig: string }];
}

/** The bytes that the signature of an envelope around an in-toto statement is over. */
export function signedBytesOf(statement: Uint8Array): Uint8Array {
  return dsseBytes(inTotoPayload, Buffer.from(statement));
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
