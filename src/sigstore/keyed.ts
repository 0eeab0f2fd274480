import { Verifier } from "@sigstore/verify";
import type { SignatureState } from "./model.ts";
import { proofsOf } from "./proofs.ts";
import { isSignedBy, type PublicKey } from "./public-key.ts";
import { failed, unverifiable } from "./refusal.ts";
import { contentOf, type Signed } from "./signed.ts";
import type { TrustedRoot } from "./trusted-root.ts";

type Verified = Extract<SignatureState, { readonly state: "verified" }>;

/**
 * Verifies what a key has signed. The key is enough; entries of logs and timestamps that come with it are verified where the
 * trusted root knows of them, and then have to be true.
 * @throws {SignatureRefusal} and whatever the library throws.
 */
export function verifyKeyed(
  signed: Signed & { readonly signer: { readonly kind: "key" } },
  keys: readonly PublicKey[],
  root: TrustedRoot | undefined,
  now: Date,
): Verified {
  const { hint } = signed.signer;
  const named = keys.filter(({ fingerprint }) => isHintOf(hint, fingerprint));
  const tried = named.length > 0 ? named : keys;
  const found = tried.find(({ key }) => isSignedBy(key, signed.bytes, signed.signature));
  if (found === undefined) throw unsigned(keys, named);
  const by = { kind: "key", fingerprint: found.fingerprint, name: found.name } as const;
  if (root !== undefined) {
    const der = found.key.export({ format: "der", type: "spki" });
    const { tlogEntries, timestamps } = proofsOf(signed, der, root.material, now);
    if (tlogEntries.length + timestamps.length > 0) {
      const publicKey = () => ({ publicKey: found.key, validFor: () => true });
      const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
      new Verifier({ ...root.material, publicKey }, thresholds).verify({
        signature: contentOf(signed),
        key: { $case: "public-key", hint: hint ?? "" },
        tlogEntries,
        timestamps,
      });
    }
  }
  return { state: "verified", by };
}

function unsigned(keys: readonly PublicKey[], named: readonly PublicKey[]): Error {
  const [key] = named;
  if (key?.key.asymmetricKeyType === "ed25519") {
    // cosign signs so with keys of this kind (RFC 8032, 5.1); Node verifies the other one alone.
    return unverifiable(
      `the key ${key.name ?? key.fingerprint} has not signed it as Ed25519 does; it may be Ed25519ph, which is not checked here`,
      "format",
    );
  }
  if (key !== undefined)
    return failed(`it says that the key ${key.name ?? key.fingerprint} has signed it, which has not`);
  return keys.length === 0
    ? unverifiable("a key has signed it, and no key is known here", "key")
    : unverifiable(`none of the keys known here, ${keys.length} in all, has signed it`, "key");
}

/** Whether a hint of a bundle names a key; cosign hints at the digest of the key in base64, and others as they like. */
function isHintOf(hint: string | undefined, fingerprint: string): boolean {
  if (hint === undefined || hint === "") return false;
  return hint === fingerprint || hint === Buffer.from(fingerprint, "hex").toString("base64");
}
