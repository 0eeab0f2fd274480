import type { Digest } from "../oci/index.ts";
import { envelope, envelopePayload, onlySignature, readBundle } from "./bundle.ts";
import { boundedJson } from "./json.ts";
import { verifyKeyed } from "./keyed.ts";
import { verifyKeyless } from "./keyless.ts";
import { annotation, legacyMaterial } from "./legacy.ts";
import { sigstoreLimits } from "./limits.ts";
import { logName } from "./log-entry.ts";
import type { SignatureReading, SignatureState, SignatureVerifier, SignedStatement } from "./model.ts";
import type { PublicKey } from "./public-key.ts";
import { failed, refusedBy } from "./refusal.ts";
import { dsseBytes, type Signed } from "./signed.ts";
import { inTotoPayload, isAbout, readSimpleSigning, readStatement } from "./statement.ts";
import type { TrustedRoot } from "./trusted-root.ts";

/** Verifies with these keys and the authorities of this root. */
export function createVerifier(
  keys: readonly PublicKey[],
  trustedRoot: TrustedRoot | undefined,
  now: () => Date,
): SignatureVerifier {
  const root = trustedRoot === undefined ? undefined : namedAlike(trustedRoot);

  const stateOf = async (signed: Signed): Promise<SignatureState> => {
    try {
      return isKeyless(signed)
        ? verifyKeyless(signed, root, now())
        : await verifyKeyed(asKeyed(signed), keys, root, now());
    } catch (thrown) {
      return refusedBy(thrown);
    }
  };
  return {
    bundle: async (bytes, subject) =>
      reading(subject, readStatement, () => {
        const { payload, signed } = readBundle(bytes);
        return { payload, state: () => (signed === undefined ? { state: "unsigned" } : stateOf(signed)) };
      }),
    simpleSigning: async (payload, annotations, subject) =>
      reading(subject, readSimpleSigning, () => ({
        payload: Buffer.from(payload),
        state: () => {
          const signature = annotation(annotations, "signature");
          if (signature === undefined) return { state: "unsigned" };
          const bytes = Buffer.from(payload);
          const material = legacyMaterial(annotations);
          return stateOf({ payload: bytes, bytes, signature: Buffer.from(signature, "base64"), ...material });
        },
      })),
    envelope: async (bytes, annotations, subject) =>
      reading(subject, readStatement, () => {
        const read = envelope.safeParse(boundedJson(bytes, sigstoreLimits.bundleBytes, "the envelope"));
        if (!read.success) throw failed("it is no DSSE envelope, or one beyond all measure");
        const payload = envelopePayload(read.data);
        return {
          payload,
          state: () => {
            if (read.data.signatures.length === 0) return { state: "unsigned" };
            const signature = onlySignature(read.data);
            const signedBytes = dsseBytes(inTotoPayload, payload);
            return stateOf({ payload, bytes: signedBytes, signature, ...legacyMaterial(annotations) });
          },
        };
      }),
  };
}

/** What is read of a layer: its payload, and what is to be said of its signature. */
interface Opened {
  readonly payload: Buffer;
  readonly state: () => SignatureState | Promise<SignatureState>;
}

/**
 * Whatever goes wrong on the way is a reading: a signature that cannot be read is one that is not believed. The signature is
 * verified first, and what is signed is parsed with as much memory as its signer deserves.
 */
async function reading(
  subject: Digest,
  statementOf: (payload: Uint8Array, isVouchedFor: boolean) => SignedStatement,
  open: () => Opened,
): Promise<SignatureReading> {
  let statement: SignedStatement;
  let signature: SignatureState;
  try {
    const { payload, state } = open();
    signature = await stateOrRefusal(state);
    statement = statementOf(payload, signature.state === "verified");
  } catch (thrown) {
    return { signature: refusedBy(thrown) };
  }
  if (!isAbout(statement, subject)) {
    return { signature: { state: "failed", why: "what is signed is about something else" }, statement };
  }
  return { signature, statement };
}

async function stateOrRefusal(state: Opened["state"]): Promise<SignatureState> {
  try {
    return await state();
  } catch (thrown) {
    return refusedBy(thrown);
  }
}

function isKeyless(signed: Signed): signed is Signed & { readonly signer: { readonly kind: "certificate" } } {
  return signed.signer.kind === "certificate";
}

function asKeyed(signed: Signed): Signed & { readonly signer: { readonly kind: "key" } } {
  const { signer } = signed;
  if (signer.kind !== "key") throw failed("a certificate has signed it");
  return { ...signed, signer };
}

function namedAlike({ material }: TrustedRoot): TrustedRoot {
  return { material: { ...material, tlogs: material.tlogs.map((log) => ({ ...log, baseURL: logName })) } };
}
