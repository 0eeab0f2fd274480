import type { X509Certificate } from "@sigstore/core";
import { type TrustMaterial, Verifier } from "@sigstore/verify";
import {
  parseCertificate,
  requireCodeSigning,
  signedByCertificate,
  transparencyLogsOf,
} from "./certificate.ts";
import type { SignatureState } from "./model.ts";
import { type Proofs, proofsOf } from "./proofs.ts";
import { failed, unverifiable } from "./refusal.ts";
import { contentOf, type Signed } from "./signed.ts";
import type { TrustedRoot } from "./trusted-root.ts";

type Verified = Extract<SignatureState, { readonly state: "verified" }>;

/** Certificates that are good for longer do not tell when something was signed: anybody may put an old signature in a log. */
const shortLived = 24 * 60 * 60 * 1000;

/**
 * Verifies what somebody has signed with a certificate of an authority of the trusted root. All of this has to be true: a log
 * or a timestamp authority proves when it was there; the certificate leads to an authority that was in service then, was good
 * then and is for signing code; it is in a transparency log of certificates, and the signature in a log, with this key, where
 * the trusted root lists such logs; the signature is that of the certificate's key. Then the certificate says who it was.
 * @throws {SignatureRefusal} and whatever the library throws.
 */
export function verifyKeyless(
  signed: Signed & { readonly signer: { readonly kind: "certificate" } },
  root: TrustedRoot | undefined,
  now: Date,
): Verified {
  if (root === undefined)
    throw unverifiable(
      "it was signed without a key of its own, and no trusted root is known here",
      "trusted-root",
    );
  const { material } = root;
  const der = signed.signer.certificate;
  const certificate = parseCertificate(der);
  requireKnownAuthority(certificate, material);
  const proofs = proofsOf(signed, der, material, now);
  requireProofs(proofs, material);
  requireCodeSigning(certificate);
  requireKnownTransparencyLogs(certificate, material);
  new Verifier(material, {
    ctlogThreshold: material.ctlogs.length === 0 ? 0 : 1,
    tlogThreshold: material.tlogs.length === 0 ? 0 : 1,
    timestampThreshold: 1,
  }).verify({
    signature: contentOf(signed),
    key: { $case: "certificate", certificate },
    tlogEntries: proofs.tlogEntries,
    timestamps: proofs.timestamps,
  });
  const by = signedByCertificate(certificate);
  const isShort = certificate.notAfter.getTime() - certificate.notBefore.getTime() <= shortLived;
  const [first] = proofs.times.toSorted((one, other) => one.getTime() - other.getTime());
  return { state: "verified", by, signedAt: isShort ? first?.toISOString() : undefined };
}

/** Deployments of Sigstore call their authorities alike: which of them it is says the id of its key. */
function requireKnownAuthority(
  certificate: X509Certificate,
  { certificateAuthorities }: TrustMaterial,
): void {
  const keyId = certificate.extAuthorityKeyID?.keyIdentifier;
  const claimed = certificateAuthorities
    .flatMap(({ certChain }) => certChain)
    .filter(({ subject, extSubjectKeyID }) => {
      const isNamed = subject.equals(certificate.issuer);
      return isNamed && (keyId === undefined || extSubjectKeyID?.keyIdentifier.equals(keyId) !== false);
    });
  if (claimed.length === 0)
    throw unverifiable("the trusted root does not list the authority of its certificate", "trusted-root");
  if (!claimed.some((authority) => certificate.verify(authority)))
    throw failed("its certificate is not true: the authority that it names has not signed it");
}

function requireProofs({ times, logs, unknown }: Proofs, { tlogs }: TrustMaterial): void {
  const needsLog = tlogs.length > 0 && logs.length === 0;
  if (times.length > 0 && !needsLog) return;
  if (unknown > 0) {
    throw unverifiable(
      "the trusted root lists none of the logs and timestamp authorities that it comes with",
      "trusted-root",
    );
  }
  if (needsLog && times.length > 0) throw failed("it is in no log, and the trusted root lists logs");
  throw failed("nothing proves when it was signed, which its certificate of minutes depends on");
}

function requireKnownTransparencyLogs(certificate: X509Certificate, { ctlogs }: TrustMaterial): void {
  const unknown = transparencyLogsOf(certificate).some((id) => !ctlogs.some(({ logID }) => logID.equals(id)));
  if (unknown) {
    throw unverifiable(
      "the trusted root does not list the log of certificates that its certificate is in",
      "trusted-root",
    );
  }
}
