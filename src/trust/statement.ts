import * as z from "zod/mini";
import { algorithmOf, type Digest, hexOf, jsonIn } from "../oci/index.ts";
import { jsonExcess, type SignedStatement, skimJson } from "../sigstore/index.ts";

const text = z.string().check(z.maxLength(2048));
const statementSchema = z.object({
  // Versions 0.1 and 1 of in-toto; BuildKit and others write either.
  _type: z.string().check(z.regex(/^https:\/\/in-toto\.io\/Statement\/v\d/)),
  predicateType: text,
  subject: z
    .array(
      z.object({
        name: z.catch(z.optional(text), undefined),
        digest: z.catch(z.record(z.string().check(z.maxLength(64)), text), {}),
      }),
    )
    .check(z.maxLength(10_000)),
  predicate: z.optional(z.unknown()),
});

/** A statement of in-toto in JSON; `undefined` for anything else. Its predicate is as it was written. */
export function statementIn(json: unknown): SignedStatement | undefined {
  const read = statementSchema.safeParse(json).data;
  if (read === undefined) return undefined;
  return { predicateType: read.predicateType, predicate: read.predicate, subjects: read.subject };
}

/** What a JSON document is that is attached as a statement. */
export function enclosureOf(json: unknown): "bundle" | "envelope" | "statement" | undefined {
  if (typeof json !== "object" || json === null) return undefined;
  // All bundles have it, also those that are no bundle of a statement.
  if ("verificationMaterial" in json || "dsseEnvelope" in json) return "bundle";
  if ("payload" in json && "payloadType" in json) return "envelope";
  return "_type" in json ? "statement" : undefined;
}

/** Whether a statement is about a digest. */
export function isAbout({ subjects }: Pick<SignedStatement, "subjects">, digest: Digest): boolean {
  return subjects.some((subject) => subject.digest[algorithmOf(digest)] === hexOf(digest));
}

/** Bytes up to which a document is parsed whole that nobody vouches for. */
const unvouchedBytes = 1024 * 1024;

/**
 * A document that nobody vouches for yet, as JSON in UTF-8: of a long one only what a statement says beside its predicate.
 * `undefined` for what is none, or is nested too deep.
 */
export function unvouchedJson(bytes: Uint8Array): unknown {
  if (bytes.length > unvouchedBytes) return skimJson(bytes, ["_type", "predicateType", "subject"]);
  if (jsonExcess(bytes) !== undefined) return undefined;
  return jsonIn(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
}
