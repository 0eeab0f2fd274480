import * as z from "zod/mini";
import { algorithmOf, type Digest, hexOf } from "../oci/index.ts";
import { boundedJson } from "./json.ts";
import { sigstoreLimits } from "./limits.ts";
import type { SignedStatement } from "./model.ts";
import { failed } from "./refusal.ts";
import { skimJson } from "./skim.ts";

/** What DSSE calls an in-toto statement: anything else is signed for another purpose. */
export const inTotoPayload = "application/vnd.in-toto+json";
/** The predicate type by which cosign says that an attestation is a signature and nothing else. */
export const cosignSignature = "https://sigstore.dev/cosign/sign/v1";

const text = z.string().check(z.maxLength(4096));

const statement = z.object({
  _type: z.enum(["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"]),
  predicateType: text.check(z.minLength(1)),
  subject: z
    .array(z.object({ name: z.nullish(text), digest: z.record(text, text) }))
    .check(z.minLength(1), z.maxLength(sigstoreLimits.subjects)),
  predicate: z.optional(z.unknown()),
});

/** Bytes up to which a statement is parsed whole that nobody vouches for. */
const unvouchedBytes = 1024 * 1024;

/**
 * What an envelope holds, as in-toto defines it (Statement v1 and v0.1).
 * @param isVouchedFor Whether its signature is verified. Of a long statement that anybody may have made, the predicate is not
 *   parsed, and is left out.
 * @throws {SignatureRefusal}
 */
export function readStatement(payload: Uint8Array, isVouchedFor: boolean): SignedStatement {
  const isWhole = isVouchedFor || payload.length <= unvouchedBytes;
  const json = isWhole
    ? boundedJson(payload, sigstoreLimits.bundleBytes, "the statement")
    : skimJson(payload, ["_type", "predicateType", "subject"]);
  const read = statement.safeParse(json);
  if (!read.success) throw failed("what is signed is no in-toto statement");
  const { predicateType, predicate, subject } = read.data;
  return {
    predicateType,
    predicate,
    subjects: subject.map(({ name, digest }) => ({ name: name ?? undefined, digest })),
  };
}

const simpleSigning = z.object({
  critical: z.object({
    identity: z.object({ "docker-reference": text }),
    image: z.object({ "docker-manifest-digest": text }),
    type: text,
  }),
  optional: z.optional(z.unknown()),
});

/**
 * What one of cosign's older signatures is over. It becomes a statement of the kind that newer ones sign, with the reference as
 * the name of its subject.
 * @throws {SignatureRefusal}
 */
export function readSimpleSigning(payload: Uint8Array): SignedStatement {
  const read = simpleSigning.safeParse(boundedJson(payload, sigstoreLimits.payloadBytes, "what is signed"));
  if (!read.success) throw failed("what is signed is not in the form of simple signing");
  const { identity, image, type } = read.data.critical;
  if (type !== "cosign container image signature")
    throw failed("what is signed says of itself that it is no signature of an image");
  const [, algorithm = "", hex = ""] =
    /^([a-z0-9]+):([0-9a-f]+)$/.exec(image["docker-manifest-digest"]) ?? [];
  return {
    predicateType: cosignSignature,
    predicate: { optional: read.data.optional ?? null },
    subjects: [{ name: identity["docker-reference"], digest: { [algorithm]: hex } }],
  };
}

/** Whether one of its subjects is this image. */
export function isAbout({ subjects }: SignedStatement, digest: Digest): boolean {
  const algorithm = algorithmOf(digest);
  return subjects.some(
    (each) => Object.hasOwn(each.digest, algorithm) && each.digest[algorithm] === hexOf(digest),
  );
}
