import * as z from "zod/mini";
import { WaybillError } from "../errors/index.ts";
import { type Descriptor, formatReference } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { attachArtifact } from "./artifact.ts";
import { canonicalJson, hasDigest, maxStatementBytes, type Statement } from "./statement.ts";

/** The media type of a plain in-toto statement. */
export const inToto = "application/vnd.in-toto+json";

/**
 * Attaches a statement to an image, as a referrer: an image manifest whose subject is the image, whose artifact type and
 * only layer are an in-toto statement, and whose config is the empty one (OCI image specification, "Guidelines for
 * Artifact Usage"). Where the registry has no referrers API it is found by the referrers tag.
 *
 * The artifact type is that of what is in it. A statement is not signed: `application/vnd.dev.sigstore.bundle.v0.3+json`,
 * under which cosign and GitHub attach theirs, would promise a signature; BuildKit's type is for entries of an index.
 * The layer is what BuildKit writes, so that who reads BuildKit's reads these.
 *
 * The same statement makes the same manifest, so that attaching it again changes nothing; it repairs what an attempt
 * that broke has left undone.
 * @returns The manifest that was put.
 * @throws {ProvenanceError} when the statement is not about the image or is larger than what is read; and
 * {@link RegistryError}.
 */
export async function attachStatement(
  repository: Repository,
  subject: Descriptor,
  statement: Statement,
): Promise<Descriptor> {
  const where = formatReference(repository.name, subject.digest);
  if (!statement.subject.some(({ digest }) => hasDigest(digest, subject.digest))) {
    throw new ProvenanceError("not-about-it", "the statement is about something else", { where });
  }
  const content = Buffer.from(canonicalJson(statement));
  if (content.length > maxStatementBytes) {
    const message = `the statement has ${content.length} bytes, the limit is ${maxStatementBytes}`;
    throw new ProvenanceError("statement-too-large", message, { where });
  }
  return attachArtifact(repository, subject, {
    artifactType: inToto,
    layer: {
      mediaType: inToto,
      bytes: content,
      annotations: { "in-toto.io/predicate-type": statement.predicateType },
    },
    annotations: {
      // Registries show annotations in their lists of referrers: readers choose by them without another request.
      "in-toto.io/predicate-type": statement.predicateType,
      "org.opencontainers.image.created": createdOf(statement),
    },
  });
}

const dated = z.object({
  runDetails: z.object({ metadata: z.object({ finishedOn: z.string().check(z.maxLength(40)) }) }),
});

/** When it was made: what the statement says, for the clock would give each attempt another digest. */
function createdOf({ predicate }: Statement): string | undefined {
  return dated.safeParse(predicate).data?.runDetails.metadata.finishedOn;
}

/** Why a statement was not attached. */
export type ProvenanceErrorCode = "not-about-it" | "statement-too-large";

/** A statement that was not attached, and nothing was written. */
export class ProvenanceError extends WaybillError<ProvenanceErrorCode> {
  override readonly name = "ProvenanceError";
}
