import { generateKeyPair, type KeyObject, X509Certificate } from "node:crypto";
import { promisify } from "node:util";
import * as z from "zod/mini";
import { publicKeyOf } from "../../sigstore/index.ts";
import type { MadeCertificate } from "../made-signature.ts";
import { below } from "../services/rekor.ts";
import { readServiceAnswer, type ServiceWire, strangeAnswer } from "../services/wire.ts";
import { localKey, pemOf, type SigningKey } from "../signing-key.ts";
import { challengeOf, type IdentityToken } from "./token.ts";

/** A key of a few minutes, and the certificate that says whose it is. */
export interface CertifiedKey {
  readonly key: SigningKey;
  readonly certificate: MadeCertificate;
}

const maxCertificates = 10;
const chain = z.object({
  chain: z.object({
    certificates: z
      .array(z.string().check(z.maxLength(64 * 1024)))
      .check(z.minLength(1), z.maxLength(maxCertificates)),
  }),
});
const answerSchema = z.object({
  signedCertificateEmbeddedSct: z.optional(chain),
  /** Of authorities without a certificate transparency log. */
  signedCertificateDetachedSct: z.optional(chain),
});

const generate = promisify(generateKeyPair);

/**
 * Has Fulcio certify a new key for the bearer of a token (sigstore/fulcio, `fulcio.proto`, API version 2). The private key never
 * leaves this process.
 * @throws {SigningError}
 */
export async function certifiedKey(
  { token, claims }: IdentityToken,
  authority: URL,
  wire: ServiceWire,
): Promise<CertifiedKey> {
  const who = "the certificate authority";
  const { privateKey, publicKey } = await generate("ec", { namedCurve: "P-256" });
  const key = localKey(privateKey, publicKeyOf(publicKey, "the new key"));
  const proof = await key.sign(Buffer.from(challengeOf(claims)));
  const answer = await wire({
    ...{ method: "POST", url: below(authority, "api/v2/signingCert"), who, secrets: [token] },
    contentType: "application/json",
    body: JSON.stringify({
      credentials: { oidcIdentityToken: token },
      publicKeyRequest: {
        publicKey: { algorithm: "ECDSA", content: pemOf(publicKey) },
        proofOfPossession: proof.toString("base64"),
      },
    }),
  });
  const hint = `does it know the issuer ${claims.iss}, and is the token for its audience?`;
  const read = readServiceAnswer(answer, answerSchema, who, hint);
  const [leaf, ...others] = (
    read.signedCertificateEmbeddedSct ?? read.signedCertificateDetachedSct
  )?.chain.certificates.map(certificateOf) ?? [undefined];
  if (leaf === undefined || !isFor(leaf, publicKey)) {
    throw strangeAnswer(answer, who, "with no certificate of the new key");
  }
  const certificate = {
    leaf: leaf.raw,
    chain: others.flatMap((other) => (other === undefined ? [] : [other.raw])),
    notBefore: new Date(leaf.validFrom),
    notAfter: new Date(leaf.validTo),
  };
  return { key, certificate };
}

function certificateOf(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function isFor(certificate: X509Certificate, key: KeyObject): boolean {
  return certificate.publicKey.equals(key);
}
