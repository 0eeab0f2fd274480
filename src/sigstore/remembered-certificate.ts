import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { ASN1Obj, X509Certificate } from "@sigstore/core";

/**
 * A certificate that remembers what was found of it. The library writes certificates anew and parses their keys for each
 * question, and asks the same of the same authorities for every signature: that is three quarters of its time. What is signed
 * are the bytes that came, not what they would be when written anew.
 */
export class RememberedCertificate extends X509Certificate {
  readonly #der: Buffer<ArrayBuffer>;
  /** By whom it was found to be signed or not. */
  readonly #signedBy = new WeakMap<X509Certificate, boolean>();
  #spki: Buffer | undefined;
  #key: KeyObject | undefined;

  /** @throws for what is no certificate. */
  constructor(der: Uint8Array) {
    const own = Buffer.from(der);
    super(ASN1Obj.parseBuffer(own));
    this.#der = own;
  }

  override get publicKey(): Buffer {
    this.#spki ??= super.publicKey;
    return this.#spki;
  }

  override verify(issuer: X509Certificate = this): boolean {
    const known = this.#signedBy.get(issuer);
    if (known !== undefined) return known;
    const found = issuer instanceof RememberedCertificate ? this.#isSignedBy(issuer) : super.verify(issuer);
    this.#signedBy.set(issuer, found);
    return found;
  }

  override equals(other: X509Certificate): boolean {
    return other instanceof RememberedCertificate ? this.#der.equals(other.#der) : super.equals(other);
  }

  override clone(): X509Certificate {
    return X509Certificate.parse(Buffer.from(this.#der));
  }

  #isSignedBy(issuer: RememberedCertificate): boolean {
    issuer.#key ??= createPublicKey({ key: issuer.publicKey, format: "der", type: "spki" });
    try {
      return verify(this.signatureAlgorithm, this.#signedBytes(), issuer.#key, this.signatureValue);
    } catch {
      return false;
    }
  }

  /** What the authority has signed: the first element, with its header. */
  #signedBytes(): Buffer {
    const { value, subs } = this.root;
    const first = subs[0]?.value ?? value;
    return value.subarray(0, first.byteOffset + first.length - value.byteOffset);
  }
}
