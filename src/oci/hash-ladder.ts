import { type Digest, type DigestHasher, digestHasher } from "./digest.ts";

/** A place in a blob, with a hasher that has been fed everything before it. */
export interface Rung {
  readonly offset: number;
  readonly hasher: DigestHasher;
}

/**
 * What is remembered of hashing a blob, so that it can be read again from its middle on and the whole is proved all
 * the same. Shared by everybody who reads the same blob.
 */
export interface HashLadder {
  /** Called while the blob is hashed from its beginning on; keeps a copy every few MiB. */
  climb(offset: number, hasher: DigestHasher): void;
  /** The highest rung at or below an offset; the lowest one is the beginning. */
  below(offset: number): Rung;
  /** Forgets all rungs but the beginning: what was hashed has turned out to be wrong. */
  fall(): void;
}

/** Bytes between two rungs: what is read again, at most, to go on anywhere below the highest one. */
const step = 2 * 1024 * 1024;

/** A ladder with its lowest rung. */
export function createHashLadder(digest: Digest): HashLadder {
  const rungs: Rung[] = [{ offset: 0, hasher: digestHasher(digest) }];
  return {
    climb(offset, hasher) {
      const highest = rungs.at(-1)?.offset ?? 0;
      if (offset - highest >= step) rungs.push({ offset, hasher: hasher.copy() });
    },
    below(offset) {
      const rung = rungs.findLast((candidate) => candidate.offset <= offset) ?? rungs[0];
      if (rung === undefined || offset < 0) throw new RangeError(`there is nothing below ${offset}`);
      return { offset: rung.offset, hasher: rung.hasher.copy() };
    },
    fall: () => void rungs.splice(1),
  };
}
