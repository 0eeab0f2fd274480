import type { Digest } from "../oci/index.ts";

/** Who signed something, as the signature proves. */
export type SignedBy =
  | {
      readonly kind: "key";
      /** SHA-256 of the public key in SPKI's DER form, in hex. */
      readonly fingerprint: string;
      /** What the settings or the policy call the key. */
      readonly name?: string | undefined;
    }
  | {
      readonly kind: "certificate";
      /** The subject alternative name: a URI or an e-mail address. */
      readonly identity: string;
      /** Who said that it is the identity: the URL of an OpenID Connect issuer. */
      readonly issuer: string;
      readonly claims: CertificateClaims;
    };

/** What a certificate of Fulcio says of the run that signed (its OIDs 1.3.6.1.4.1.57264.1.9 to .20). */
export interface CertificateClaims {
  readonly buildSigner?: string;
  readonly runner?: string;
  readonly sourceRepository?: string;
  readonly sourceDigest?: string;
  readonly sourceRef?: string;
  readonly buildConfig?: string;
  readonly trigger?: string;
}

/**
 * What came of verifying one signature.
 * - `verified`: everything that makes it valid was checked.
 * - `unsigned`: nobody signed it.
 * - `unverifiable`: it is signed, and here is nothing to verify it with: no such key, no trusted root, another format.
 * - `failed`: it claims what is not true.
 */
export type SignatureState =
  | {
      readonly state: "verified";
      readonly by: SignedBy;
      /**
       * ISO 8601; only where it is proven. A log and a timestamp authority prove that a signature was there by then: when it was
       * made follows for certificates of minutes, but not for keys, whose old signatures anybody can put in a log today.
       */
      readonly signedAt?: string | undefined;
    }
  | { readonly state: "unsigned" }
  | {
      readonly state: "unverifiable";
      readonly why: string;
      /**
       * What would be needed: such a key, a trusted root that knows of it, somebody who knows the format, or room in memory for
       * more than is read of one statement.
       */
      readonly lacks?: "key" | "trusted-root" | "format" | "room" | undefined;
    }
  | { readonly state: "failed"; readonly why: string };

/** What a signature is over: an in-toto statement, or what cosign's older signatures say. All of it is text from outside. */
export interface SignedStatement {
  readonly predicateType: string;
  readonly predicate: unknown;
  /** As it says itself; whoever asked has compared them already. */
  readonly subjects: readonly {
    readonly name?: string | undefined;
    readonly digest: Readonly<Record<string, string>>;
  }[];
}

/** One signed or unsigned statement as it was read. */
export interface SignatureReading {
  readonly signature: SignatureState;
  /** Absent when it could not be read at all. */
  readonly statement?: SignedStatement | undefined;
}

/**
 * Verifies what hangs on images, with the keys and the trusted root that it was made with. Never throws: what is wrong is
 * in the reading. It asks nobody; that identities are allowed is for policies to say.
 */
export interface SignatureVerifier {
  /** A Sigstore bundle, versions 0.1 to 0.3, that is to be about `subject`. */
  bundle(bytes: Uint8Array, subject: Digest): Promise<SignatureReading>;
  /** A layer of cosign's tag `.sig`: the payload, and the annotations of its descriptor. */
  simpleSigning(
    payload: Uint8Array,
    annotations: Readonly<Record<string, string>>,
    subject: Digest,
  ): Promise<SignatureReading>;
  /** A layer of cosign's tag `.att`: a DSSE envelope, and the annotations of its descriptor. */
  envelope(
    bytes: Uint8Array,
    annotations: Readonly<Record<string, string>>,
    subject: Digest,
  ): Promise<SignatureReading>;
}
