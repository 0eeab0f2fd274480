import { X509Certificate } from "@sigstore/core";
import { SigningError } from "../errors.ts";
import type { MadeCertificate, SignatureMaker } from "../made-signature.ts";
import type { SignerIdentity } from "../model.ts";
import type { CertifiedKey } from "./fulcio.ts";
import { type IdentityToken, identityOf } from "./token.ts";

type Identity = Extract<SignerIdentity, { readonly kind: "certificate" }>;

/** Where keyless signatures come from. */
export interface KeylessSources {
  readonly token: () => Promise<IdentityToken>;
  readonly certify: (token: IdentityToken) => Promise<CertifiedKey>;
  /** Whose the certificates have to be: then no token is asked for to say so. */
  readonly expected?: Identity | undefined;
  /** Milliseconds on a clock that only goes forward. */
  readonly clock?: () => number;
}

/**
 * Signatures of the bearer of a token, by keys that are certified for some minutes. One is used for half of its life, and dropped
 * then; whether what it has signed was seen in time is for whoever has the proofs of time to say.
 */
export function keylessMaker({
  token,
  certify,
  expected,
  clock = () => performance.now(),
}: KeylessSources): SignatureMaker {
  let held: { readonly key: Promise<CertifiedKey>; until: number } | undefined;
  const checked = (made: CertifiedKey): CertifiedKey => {
    if (expected === undefined) return made;
    const { identity, issuer } = identityIn(made.certificate);
    if (identity === expected.identity && issuer === expected.issuer) return made;
    throw new SigningError(
      "signer-invalid",
      `the certificate is ${identity}'s, as ${issuer} says, and that of ${expected.identity} by ${expected.issuer} was expected`,
      { hint: "say under keyless in trust.signers of waybill.yaml whose token it is, or have the other one" },
    );
  };
  const certified = async (): Promise<CertifiedKey> => {
    if (held === undefined || clock() >= held.until) {
      const since = clock();
      const key = token().then(certify).then(checked);
      const mine = { key, until: Number.POSITIVE_INFINITY };
      held = mine;
      key.then(
        ({ certificate: { notBefore, notAfter } }) => {
          mine.until = since + (notAfter.getTime() - notBefore.getTime()) / 2;
        },
        () => {
          if (held === mine) held = undefined;
        },
      );
    }
    return held.key;
  };
  return {
    async identity() {
      if (expected !== undefined) return expected;
      return identityOf((await token()).claims) ?? identityIn((await certified()).certificate);
    },
    async sign(bytes) {
      const { key, certificate } = await certified();
      return { signature: await key.sign(bytes), publicKey: key.publicKey, certificate };
    },
    drop() {
      held = undefined;
    },
  };
}

/** The issuer, as DER's UTF8String (Fulcio's OID information). */
const issuerOid = "1.3.6.1.4.1.57264.1.8";

function identityIn({ leaf }: MadeCertificate): Identity {
  const certificate = X509Certificate.parse(Buffer.from(leaf));
  const identity = certificate.subjectAltName;
  const issuer = certificate.extension(issuerOid)?.valueObj.subs[0]?.value.toString("utf8");
  if (identity !== undefined && issuer !== undefined) return { kind: "certificate", identity, issuer };
  throw new SigningError("signing-unreachable", "the certificate says neither an identity nor its issuer");
}
