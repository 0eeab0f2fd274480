import { SigstoreError } from "./errors.ts";
import { sigstoreLimits } from "./limits.ts";
import type { SignatureVerifier } from "./model.ts";
import type { PublicKey } from "./public-key.ts";
import type { TrustedRoot } from "./trusted-root.ts";

/** What signatures are verified with. */
export interface VerifierOptions {
  readonly keys?: readonly PublicKey[] | undefined;
  /** Without it, no keyless signature can be verified. */
  readonly trustedRoot?: TrustedRoot | undefined;
  /** The clock: the time of this machine by default. */
  readonly now?: (() => Date) | undefined;
}

/**
 * A verifier that believes these keys and the authorities of this root, and nobody else. What verifies is loaded for the first
 * signature: it takes longer than most commands, and most images have none.
 * @throws {SigstoreError} `unsupported-key` for more keys than are tried for one signature.
 */
export function openVerifier({
  keys = [],
  trustedRoot,
  now = () => new Date(),
}: VerifierOptions): SignatureVerifier {
  if (keys.length > sigstoreLimits.keys) {
    const message = `${keys.length} keys are more than the ${sigstoreLimits.keys} that are tried for one signature`;
    throw new SigstoreError("unsupported-key", message);
  }
  let loading: Promise<SignatureVerifier> | undefined;
  const load = async (): Promise<SignatureVerifier> => {
    const { createVerifier } = await import("./verification.ts");
    return createVerifier(keys, trustedRoot, now);
  };
  const loaded = (): Promise<SignatureVerifier> => {
    loading ??= load();
    return loading;
  };
  return {
    bundle: async (bytes, subject) => (await loaded()).bundle(bytes, subject),
    simpleSigning: async (payload, annotations, subject) =>
      (await loaded()).simpleSigning(payload, annotations, subject),
    envelope: async (bytes, annotations, subject) => (await loaded()).envelope(bytes, annotations, subject),
  };
}
