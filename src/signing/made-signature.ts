import type { PublicKey } from "../sigstore/index.ts";
import type { SignerIdentity } from "./model.ts";

/** A signature, and by what it is verified. */
export interface MadeSignature {
  /** As the algorithm has it: DER of `r` and `s` for a curve. */
  readonly signature: Buffer;
  readonly publicKey: PublicKey;
  /** Where the key is vouched for by an authority. */
  readonly certificate?: MadeCertificate | undefined;
}

/** A certificate that was made for a signature. */
export interface MadeCertificate {
  /** DER. */
  readonly leaf: Buffer;
  /** DER, from the one that issued the leaf to the root. */
  readonly chain: readonly Buffer[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Makes signatures of one key or identity. */
export interface SignatureMaker {
  /** @throws {SigningError} */
  identity(): Promise<SignerIdentity>;
  /** @throws {SigningError} */
  sign(bytes: Uint8Array): Promise<MadeSignature>;
  /** What it has made is good for nothing, because its certificate has ended: the next one is made with another. */
  drop?(): void;
}
