import { ASN1Obj, EXTENSION_OID_SCT, type X509Certificate } from "@sigstore/core";
import { sigstoreLimits } from "./limits.ts";
import type { CertificateClaims, SignedBy } from "./model.ts";
import { failed } from "./refusal.ts";
import { RememberedCertificate } from "./remembered-certificate.ts";

const oids = {
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extendedKeyUsage: "2.5.29.37",
  codeSigning: "1.3.6.1.5.5.7.3.3",
  issuerRaw: "1.3.6.1.4.1.57264.1.1",
  userName: "1.3.6.1.4.1.57264.1.7",
  issuer: "1.3.6.1.4.1.57264.1.8",
} as const;

/** Extensions whose meaning is looked at, so that they may be critical (RFC 5280, 4.2). */
const understood: ReadonlySet<string> = new Set([
  oids.keyUsage,
  oids.subjectAltName,
  oids.basicConstraints,
  oids.extendedKeyUsage,
]);

/** Where Fulcio writes what the token said of a run. */
const claimOids: Readonly<Record<keyof CertificateClaims, string>> = {
  buildSigner: "1.3.6.1.4.1.57264.1.9",
  runner: "1.3.6.1.4.1.57264.1.11",
  sourceRepository: "1.3.6.1.4.1.57264.1.12",
  sourceDigest: "1.3.6.1.4.1.57264.1.13",
  sourceRef: "1.3.6.1.4.1.57264.1.14",
  buildConfig: "1.3.6.1.4.1.57264.1.18",
  trigger: "1.3.6.1.4.1.57264.1.20",
};

/** A certificate in DER. @throws for what is none. */
export function parseCertificate(der: Buffer): X509Certificate {
  if (der.length === 0 || der.length > sigstoreLimits.certificateBytes)
    throw failed(`its certificate has ${der.length} bytes`);
  return new RememberedCertificate(der);
}

/**
 * Refuses a certificate that is not for signing code, whoever issued it: that of a server or of an authority, a certificate
 * that was only proposed, and one with conditions that are not understood here.
 * @throws {SignatureRefusal}
 */
export function requireCodeSigning(certificate: X509Certificate): void {
  const seen = new Set<string>();
  for (const extension of certificate.extensions) {
    const oid = extension.subs[0]?.toOID() ?? "";
    if (seen.has(oid)) throw failed(`its certificate has the extension ${oid} twice`);
    seen.add(oid);
    if (certificate.extension(oid)?.critical === true && !understood.has(oid))
      throw failed(`its certificate has a condition that is not known here: the critical extension ${oid}`);
  }
  if (certificate.isCA) throw failed("its certificate is that of an authority, not of a signer");
  if (certificate.extKeyUsage?.digitalSignature === false)
    throw failed("its certificate is not for signatures (key usage)");
  const usages = certificate.extension(oids.extendedKeyUsage)?.valueObj.subs[0]?.subs ?? [];
  if (!usages.some((usage) => usage.toOID() === oids.codeSigning))
    throw failed("its certificate is not for signing code (extended key usage)");
}

/**
 * Who signed, as a certificate says. What it says is taken as it is written: an identity or issuer with characters that cannot
 * be seen, or of which there are several, is refused.
 * @throws {SignatureRefusal}
 */
export function signedByCertificate(
  certificate: X509Certificate,
): SignedBy & { readonly kind: "certificate" } {
  const claims: { -readonly [Name in keyof CertificateClaims]: string } = {};
  for (const name of Object.keys(claimOids) as (keyof CertificateClaims)[]) {
    const claim = utf8Extension(certificate, claimOids[name]);
    if (claim !== undefined) claims[name] = claim;
  }
  return { kind: "certificate", identity: identityOf(certificate), issuer: issuerOf(certificate), claims };
}

/** Logs in which a certificate says that it is, by their ids. */
export function transparencyLogsOf(certificate: X509Certificate): readonly Buffer[] {
  const promises = certificate.extension(EXTENSION_OID_SCT) === undefined ? undefined : certificate.extSCT;
  return promises?.signedCertificateTimestamps.map(({ logID }) => logID) ?? [];
}

function identityOf(certificate: X509Certificate): string {
  const names = certificate.extension(oids.subjectAltName)?.valueObj.subs[0]?.subs ?? [];
  const [name] = names;
  if (name === undefined || names.length > 1)
    throw failed(`its certificate names ${names.length} identities, where one is expected`);
  if (name.tag.isContextSpecific(0x06) || name.tag.isContextSpecific(0x01))
    return visible(name.value, "identity");
  if (name.tag.isContextSpecific(0x00) && name.subs[0]?.toOID() === oids.userName) {
    const value = name.subs[1]?.subs[0];
    if (value !== undefined && isUtf8String(value)) return visible(value.value, "identity");
  }
  throw failed("its certificate names no identity that is a URI or an e-mail address");
}

function issuerOf(certificate: X509Certificate): string {
  const raw = certificate.extension(oids.issuerRaw)?.value;
  const older = raw === undefined ? undefined : visible(raw, "issuer");
  const newer = utf8Extension(certificate, oids.issuer);
  if (older !== undefined && newer !== undefined && older !== newer)
    throw failed("its certificate names two issuers of its identity");
  const issuer = newer ?? older;
  if (issuer === undefined) throw failed("its certificate does not say who vouches for its identity");
  return issuer;
}

function utf8Extension(certificate: X509Certificate, oid: string): string | undefined {
  const extension = certificate.extension(oid);
  if (extension === undefined) return undefined;
  // The parser looks into octet strings for more DER, and finds some in what is none: what it holds is read strictly.
  const inner = ASN1Obj.parseBuffer(Buffer.from(extension.value));
  if (!isUtf8String(inner) || inner.toDER().length !== extension.value.length)
    throw failed(`its certificate has no text in the extension ${oid}`);
  return visible(inner.value, `extension ${oid}`);
}

function isUtf8String({ tag }: ASN1Obj): boolean {
  return tag.number === 0x0c && !tag.constructed;
}

/**
 * Bytes as text that can be seen. The library drops the eighth bit of each byte, so that other bytes would read as the right
 * identity.
 */
function visible(bytes: Buffer, what: string): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw failed(`the ${what} in its certificate is no text`);
  }
  // Only ASCII: letters of other scripts look like these.
  if (!/^[\x20-\x7e]{1,4096}$/.test(text))
    throw failed(`the ${what} in its certificate has characters that mislead`);
  return text;
}
