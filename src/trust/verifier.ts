import { readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import {
  openVerifier,
  type PublicKey,
  readPublicKey,
  readTrustedRoot,
  type SignatureVerifier,
  SigstoreError,
  sigstoreLimits,
} from "../sigstore/index.ts";

/** Whom to believe, by files. */
export interface BelievedFiles {
  /** Public keys in PEM, and what they are called. */
  readonly keys?: readonly { readonly name?: string | undefined; readonly file: string }[] | undefined;
  /** A `trusted_root.json`. Without one, no keyless signature can be verified. */
  readonly trustedRoot?: string | undefined;
}

/**
 * A verifier that believes the keys and authorities of files.
 * @param more Keys that are known otherwise, as those that stand in a policy.
 * @throws {SigstoreError} for a file that cannot be read or is no such thing.
 */
export async function readVerifier(
  { keys = [], trustedRoot }: BelievedFiles,
  more: readonly PublicKey[] = [],
): Promise<SignatureVerifier> {
  const read = await Promise.all(
    keys.map(async ({ name, file }) => {
      const pem = await contentOf(file, sigstoreLimits.keyFileBytes, "invalid-key");
      return readPublicKey(pem.toString("utf8"), file, name);
    }),
  );
  return openVerifier({
    keys: [...read, ...more],
    trustedRoot:
      trustedRoot === undefined
        ? undefined
        : await readTrustedRoot(
            await contentOf(trustedRoot, sigstoreLimits.trustedRootBytes, "invalid-trusted-root"),
            trustedRoot,
          ),
  });
}

async function contentOf(
  file: string,
  limit: number,
  code: "invalid-key" | "invalid-trusted-root",
): Promise<Buffer> {
  try {
    return (await readNamed(file, limit)).bytes;
  } catch (cause) {
    throw new SigstoreError(code, `the file cannot be read: ${messageOf(cause)}`, { where: file, cause });
  }
}
