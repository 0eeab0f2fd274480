import { algorithmOf, type Digest, hexOf } from "../oci/index.ts";

/** An in-toto statement, version 1: what is said (the predicate) about which artifacts (the subjects). */
export interface Statement {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly StatementSubject[];
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

/** An artifact that a statement is about. Its digest counts, its name is for people. */
export interface StatementSubject {
  readonly name: string;
  /** Hexadecimal digits by the name of the algorithm. */
  readonly digest: Readonly<Record<string, string>>;
}

/** Bytes of one statement that are written or read. */
export const maxStatementBytes = 1024 * 1024;

/** A digest as in-toto writes it (`DigestSet`). */
export function digestSet(digest: Digest): Record<string, string> {
  return { [algorithmOf(digest)]: hexOf(digest) };
}

/** Whether a set of digests has this one. */
export function hasDigest(set: Readonly<Record<string, string | undefined>>, digest: Digest): boolean {
  return set[algorithmOf(digest)] === hexOf(digest);
}

/** JSON that depends on nothing but what it says: keys sorted, no white space (RFC 8785). */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}
