import { algorithmOf, type Digest, hexOf } from "../oci/index.ts";
import { cosignSignature } from "../sigstore/index.ts";

/** An in-toto statement, version 1, that is to be signed about one image. */
export interface ImageStatement {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly [
    {
      readonly name?: string;
      /** Hexadecimal digits by the name of the algorithm. */
      readonly digest: Readonly<Record<string, string>>;
    },
  ];
  readonly predicateType: string;
  readonly predicate: object;
}

/** What a statement is about. */
export interface StatementAbout {
  readonly digest: Digest;
  /** The name that the image has where it is used; statements without one hold wherever the digest is. */
  readonly name?: string | undefined;
}

/** A statement about an image. What is `undefined` in the predicate is left out of the signed bytes. */
export function statementAbout(
  { digest, name }: StatementAbout,
  predicateType: string,
  predicate: object,
): ImageStatement {
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [
      {
        ...(name !== undefined && { name }),
        digest: { [algorithmOf(digest)]: hexOf(digest) },
      },
    ],
    predicateType,
    predicate,
  };
}

/**
 * What cosign 3 signs of an image: an attestation with an empty predicate. There is no time in it: the same image gives the same
 * statement. cosign itself leaves the name out.
 */
export function signatureStatement(about: StatementAbout): ImageStatement {
  return statementAbout(about, cosignSignature, {});
}

/** The bytes of a statement that are signed: compact JSON, in the order of its fields. The same statement gives the same bytes. */
export function statementBytes(statement: ImageStatement): Uint8Array {
  return Buffer.from(JSON.stringify(statement));
}

/**
 * What cosign before version 3 signs of an image ("simple signing"), as bytes.
 * @param identity The name of the image, without tag and digest.
 */
export function simpleSigningPayload(digest: Digest, identity: string): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { "docker-reference": identity },
        image: { "docker-manifest-digest": digest },
        type: "cosign container image signature",
      },
      optional: null,
    }),
  );
}
