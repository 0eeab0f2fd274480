import { createHash, type Hash } from "node:crypto";
import * as z from "zod/mini";
import { phrase, phraseOf } from "../errors/index.ts";
import { OciError } from "./errors.ts";

declare const digestBrand: unique symbol;

/**
 * A content digest: `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits. Only these two
 * algorithms are registered by the OCI image specification (descriptor.md, "Digests"); anything else is refused,
 * so a digest is always safe in a URL or a file name.
 */
export type Digest = string & { readonly [digestBrand]: true };

const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether the text is a digest. */
export function isDigest(text: string): text is Digest {
  return pattern.test(text);
}

/** A digest in a document; of a text that is none, it says the error. */
export function digestIn(error: string) {
  return z.pipe(z.string().check(z.refine(isDigest, { error })), z.custom<Digest>());
}

/** {@link digestIn} for most documents. */
export const digestSchema = digestIn("is no digest");

/** The text as a digest. @throws {OciError} `invalid-digest`, saying what is wrong with it. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  const shown = JSON.stringify(text.slice(0, 200));
  throw new OciError("invalid-digest", phrase`invalid digest: ${shown} (${phraseOf(digestFault(text))})`);
}

/** In a few words, why the text is no digest: what a person who mistyped one needs to know. */
export function digestFault(text: string): string {
  const colon = text.indexOf(":");
  if (colon < 0) return "it has no algorithm; a digest starts with sha256:";
  const algorithm = text.slice(0, colon);
  const hex = text.slice(colon + 1);
  const wanted = algorithm === "sha256" ? 64 : algorithm === "sha512" ? 128 : undefined;
  if (wanted === undefined)
    return `unknown algorithm ${JSON.stringify(algorithm.slice(0, 40))}; sha256 and sha512 are known`;
  if (/[A-F]/.test(hex)) return "its hexadecimal digits are not all lower case";
  const stray = /[^0-9a-f]/.exec(hex);
  if (stray) return `${JSON.stringify(stray[0])} is no hexadecimal digit`;
  return `it has ${hex.length} hexadecimal digits, ${algorithm} has ${wanted}`;
}

/** The algorithm of a digest, as `node:crypto` names it. */
export function algorithmOf(digest: Digest): "sha256" | "sha512" {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}

/** The hexadecimal part of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice(7);
}

/** The SHA-256 digest of the bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

/** Whether the bytes hash to the digest, by the digest's own algorithm. */
export function digestMatches(bytes: Uint8Array, digest: Digest): boolean {
  return createHash(algorithmOf(digest)).update(bytes).digest("hex") === hexOf(digest);
}

/** A hash, by the digest's own algorithm, that is fed piecewise and compared with its digest at the end. */
export interface DigestHasher {
  update(chunk: Uint8Array): void;
  /** Whether all that came is what the digest stands for; nothing can be added after asking. */
  matches(): boolean;
  /** Another one that has been fed the same. */
  copy(): DigestHasher;
}

/** Hashes bytes that have to have a digest. @param hash What it has hashed before is hashed already. */
export function digestHasher(digest: Digest, hash: Hash = createHash(algorithmOf(digest))): DigestHasher {
  return {
    update: (chunk) => void hash.update(chunk),
    matches: () => hash.digest("hex") === hexOf(digest),
    copy: () => digestHasher(digest, hash.copy()),
  };
}

/** A place in a blob, with a hasher that has been fed everything before it. */
export interface Checkpoint {
  readonly offset: number;
  readonly hasher: DigestHasher;
}

/**
 * What is remembered of hashing a blob, so that it can be read again from its middle on and the whole is proved all
 * the same. Shared by everybody who reads the same blob.
 */
export type HashCheckpoints = ReturnType<typeof createHashCheckpoints>;

/** Bytes between two checkpoints: what is read again, at most, to go on anywhere before the last one. */
const step = 2 * 1024 * 1024;

/** The checkpoints of a blob of which nothing has been hashed yet. */
export function createHashCheckpoints(digest: Digest) {
  const checkpoints: Checkpoint[] = [{ offset: 0, hasher: digestHasher(digest) }];
  return {
    /** Called while the blob is hashed from its beginning on; keeps a copy every few MiB. */
    record(offset: number, hasher: DigestHasher): void {
      const last = checkpoints.at(-1)?.offset ?? 0;
      if (offset - last >= step) checkpoints.push({ offset, hasher: hasher.copy() });
    },
    /** The last checkpoint at or before an offset; the first one is the beginning. */
    below(offset: number): Checkpoint {
      const checkpoint = checkpoints.findLast((candidate) => candidate.offset <= offset) ?? checkpoints[0];
      if (checkpoint === undefined || offset < 0)
        throw new RangeError(`no checkpoint stands before ${offset}`);
      return { offset: checkpoint.offset, hasher: checkpoint.hasher.copy() };
    },
    /** Forgets all checkpoints but the beginning: what was hashed has turned out to be wrong. */
    reset: () => void checkpoints.splice(1),
  };
}
