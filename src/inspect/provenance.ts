import { z } from "zod";
import { type Descriptor, type Digest, hexOf, type ImageDocument, readImageContent } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { readJsonBlob } from "./config.ts";

/**
 * Where an image comes from, as a build recorded it (SLSA provenance, versions 0.2 and 1). It was read, not verified:
 * whoever may push to the repository may have written it.
 */
export interface Provenance {
  /** The builder's id. */
  readonly builder?: string;
  /** Where the source is. */
  readonly source?: string;
  /** The commit of the source. */
  readonly commit?: string;
}

/** Bytes of one statement. */
const largestStatement = 1024 * 1024;
/** Statements that are looked at, of one manifest that holds some. */
const mostStatements = 4;

const text = z.string().max(2048).optional().catch(undefined);
const digests = z.record(z.string(), z.string()).optional().catch(undefined);
const material = z.object({ uri: text, digest: digests });
const materials = z.array(material).max(10_000).optional().catch(undefined);
const envelopeSchema = z.object({ payload: z.string() });
const bundleSchema = z.object({ dsseEnvelope: envelopeSchema });
const statementSchema = z.object({
  predicateType: z.string().regex(/^https:\/\/slsa\.dev\/provenance\//),
  subject: z.array(z.object({ digest: z.record(z.string(), z.string()) })).max(10_000),
  predicate: z.object({
    builder: z.object({ id: text }).optional().catch(undefined),
    invocation: z
      .object({ configSource: material.optional().catch(undefined) })
      .optional()
      .catch(undefined),
    materials,
    runDetails: z
      .object({ builder: z.object({ id: text }) })
      .optional()
      .catch(undefined),
    buildDefinition: z.object({ resolvedDependencies: materials }).optional().catch(undefined),
  }),
});

/**
 * The first provenance in a manifest whose layers are statements (in-toto, plain or in a DSSE envelope or Sigstore
 * bundle) that is about one of the digests; `undefined` when there is none.
 * @throws {RegistryError} when it cannot be read.
 */
export async function readProvenance(
  repository: Repository,
  document: ImageDocument,
  about: readonly Digest[],
): Promise<Provenance | undefined> {
  const { blobs } = readImageContent(document, repository.name);
  const statements = blobs.slice(1).filter(mayBeProvenance).slice(0, mostStatements);
  for (const blob of statements) {
    const provenance = provenanceOf(await readJsonBlob(repository, blob, largestStatement), about);
    if (provenance !== undefined) return provenance;
  }
  return undefined;
}

/** Layers say their predicate's type beside them; one that says another, or is too large, need not be read. */
function mayBeProvenance({ annotations, size }: Descriptor): boolean {
  const type = annotations?.["in-toto.io/predicate-type"] ?? annotations?.predicateType;
  return size <= largestStatement && (type === undefined || type.includes("slsa.dev/provenance"));
}

/** What a statement says, unless it is about something else. */
export function provenanceOf(json: unknown, about: readonly Digest[]): Provenance | undefined {
  const statement = statementSchema.safeParse(unwrapped(json)).data;
  if (statement === undefined) return undefined;
  const wanted = new Set(about.map(hexOf));
  const { subject, predicate } = statement;
  if (!subject.some(({ digest }) => wanted.has(digest.sha256 ?? ""))) return undefined;
  const builder = predicate.runDetails?.builder.id ?? predicate.builder?.id;
  const sources = [
    predicate.invocation?.configSource,
    ...(predicate.buildDefinition?.resolvedDependencies ?? []),
    ...(predicate.materials ?? []),
  ];
  const source = sources.find((found) => commitOf(found?.digest) !== undefined);
  const commit = commitOf(source?.digest);
  return {
    ...(builder === undefined ? {} : { builder }),
    ...(source?.uri === undefined ? {} : { source: source.uri }),
    ...(commit === undefined ? {} : { commit }),
  };
}

function commitOf(digest: Readonly<Record<string, string>> | undefined): string | undefined {
  const commit = digest?.gitCommit ?? digest?.sha1;
  return commit !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit) ? commit : undefined;
}

/** The statement in an envelope, or what is given, when it is in none. */
function unwrapped(json: unknown): unknown {
  const envelope = envelopeSchema.safeParse(json).data ?? bundleSchema.safeParse(json).data?.dsseEnvelope;
  if (envelope === undefined) return json;
  try {
    return JSON.parse(Buffer.from(envelope.payload, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}
