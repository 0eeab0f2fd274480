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
export async function verifyKeyed(
  signed: Signed & { readonly signer: { readonly kind: "key" } },
  keys: readonly PublicKey[],
  root: TrustedRoot | undefined,
  now: Date,
): Promise<Verified> {
  const { hint } = signed.signer;
  const named = keys.filter(({ fingerprint }) => isHintOf(hint, fingerprint));
  const tried = named.length > 0 ? named : keys;
  const found = await signerAmong(tried, signed);
  if (found === undefined) throw unsigned(keys, named);
  const by = { kind: "key", fingerprint: found.fingerprint, name: found.name } as const;
  if (root !== undefined) {
    const der = found.key.export({ format: "der", type: "spki" });
    const { tlogEntries, timestamps } = proofsOf(signed, der, root.material, now);
    if (tlogEntries.length + timestamps.length > 0) {
      const publicKey = () => ({ publicKey: found.key, validFor: () => true });
      const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
      new Verifier({ ...root.material, publicKey }, thresholds).verify({
        // The key has signed it, in one form or the other; the entries and timestamps are what is verified here.
        signature: { ...contentOf(signed), verifySignature: (key) => key.equals(found.key) },
        key: { $case: "public-key", hint: hint ?? "" },
        tlogEntries,
        timestamps,
      });
    }
  }
  return { state: "verified", by };
}

/**
 * The key that has signed it. Nothing in bundles, annotations and entries of logs says by which form of Ed25519 it was signed
 * (RFC 8032, 5.1): cosign takes the one with a hash before it. Trying both is safe. What is hashed begins with the name of the
 * form in the one and with the signature's first half in the other, so that a signature is good for one of them, and whoever
 * can make one that is good for a message in either form has the key.
 */
async function signerAmong(
  keys: readonly PublicKey[],
  { bytes, signature }: Signed,
): Promise<PublicKey | undefined> {
  const plain = keys.find(({ key }) => isSignedBy(key, bytes, signature));
  const others = keys.filter(({ key }) => key.asymmetricKeyType === "ed25519");
  if (plain !== undefined || others.length === 0) return plain;
  const { isPrehashSignedBy } = await import("./ed25519ph.ts");
  return others.find(({ key }) => isPrehashSignedBy(key, bytes, signature));
}

function unsigned(keys: readonly PublicKey[], named: readonly PublicKey[]): Error {
  const [key] = named;
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
