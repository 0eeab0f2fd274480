import * as z from "zod/mini";
import {
  type Descriptor,
  type Digest,
  formatReference,
  type ImageDocument,
  isDigest,
  jsonIn,
  readImageContent,
} from "../oci/index.ts";
import { type Repository, readSmallBlob } from "../registry/index.ts";
import { type BuildClaims, buildClaims } from "../slsa/index.ts";
import { hasDigest, maxStatementBytes } from "./statement.ts";

/**
 * Where an image comes from, as a build recorded it (SLSA provenance, versions 0.2 and 1; the words of Waybill, Cloud
 * Build, GitHub and BuildKit). It was read, not verified: whoever may push to the repository may have written it. All of
 * it is text from outside.
 */
export interface Provenance {
  /** What it says that it is about: the digest that was asked for, where it is among its subjects. */
  readonly subject?: Digest;
  /** The builder's id. */
  readonly builder?: string | undefined;
  /** What kind of build it was, which says what the parameters mean. */
  readonly buildType?: string;
  /** Where the source is. */
  readonly source?: string | undefined;
  /** The commit of the source. */
  readonly commit?: string | undefined;
  /** The builder says that the source had changes that are in no commit. */
  readonly isDirty?: true | undefined;
  /** The build file, from the top of the source on. */
  readonly config?: string;
  /** What was given for the variables of the build file. */
  readonly substitutions?: Readonly<Record<string, string>>;
  /** The run, in the builder's own way of naming runs. */
  readonly run?: string | undefined;
  /** As the builder wrote it: ISO 8601. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** What went in: the source, images that steps ran in, images that it was built on. */
  readonly materials?: readonly Material[];
}

/** Something that went into a build. */
export interface Material {
  readonly uri: string;
  /** `algorithm:hex`; of a commit, `gitCommit:hex`. */
  readonly digest?: string | undefined;
}

/** A statement as it was read. */
export interface ReadStatement {
  readonly provenance: Provenance;
  readonly bytes: Buffer;
}

/** Statements that are looked at, of one manifest that holds some. */
const maxStatements = 4;
/** Materials that are kept of one statement. */
const maxMaterials = 200;
/** Subjects of one statement; one with more is of nobody who builds images. */
const maxSubjects = 10_000;

const envelopeSchema = z.object({ payload: z.string().check(z.maxLength(2 * maxStatementBytes)) });
const bundleSchema = z.object({ dsseEnvelope: envelopeSchema });
const text = z.catch(z.optional(z.string().check(z.maxLength(256))), undefined);
const time = z.iso.datetime({ offset: true });
const statementSchema = z.object({
  predicateType: z.string().check(z.regex(/^https:\/\/slsa\.dev\/provenance\//)),
  subject: z.pipe(
    z.transform((found: unknown) => (Array.isArray(found) && found.length > maxSubjects ? undefined : found)),
    z.array(z.object({ digest: z.object({ sha256: text, sha512: text }) })),
  ),
  predicate: z.unknown(),
});

/**
 * The first provenance in a manifest whose layers are statements (in-toto, plain or in a DSSE envelope or Sigstore
 * bundle) that is about one of the digests, and beside it the first one that is about something else.
 * @throws {RegistryError} when it cannot be read.
 */
export async function readStatements(
  repository: Repository,
  document: ImageDocument,
  about: readonly Digest[],
): Promise<{ readonly found?: ReadStatement | undefined; readonly other?: ReadStatement | undefined }> {
  const { blobs } = readImageContent(document, formatReference(repository.name, document.descriptor.digest));
  let other: ReadStatement | undefined;
  for (const blob of blobs.slice(1).filter(mayBeProvenance).slice(0, maxStatements)) {
    const bytes = await readSmallBlob(repository, blob, maxStatementBytes);
    const json = jsonIn(bytes.toString("utf8"));
    const provenance = provenanceOf(json, about);
    if (provenance !== undefined) return { found: { provenance, bytes } };
    const stray = other === undefined ? provenanceOf(json) : undefined;
    if (stray !== undefined) other = { provenance: stray, bytes };
  }
  return { other };
}

/** Layers say their predicate's type beside them; one that says another, or is too large, need not be read. */
function mayBeProvenance({ annotations, size }: Descriptor): boolean {
  const type = annotations?.["in-toto.io/predicate-type"] ?? annotations?.predicateType;
  return size <= maxStatementBytes && (type === undefined || type.includes("slsa.dev/provenance"));
}

/** What a statement says, unless it is about something else. Without `about`, whatever it is about. */
export function provenanceOf(json: unknown, about?: readonly Digest[]): Provenance | undefined {
  const statement = statementSchema.safeParse(unwrapped(json)).data;
  if (statement === undefined) return undefined;
  const { predicate, subject: subjects } = statement;
  const subject =
    about === undefined
      ? subjects.map(({ digest }) => `sha256:${digest.sha256}`).find(isDigest)
      : about.find((digest) => subjects.some((each) => hasDigest(each.digest, digest)));
  if (about !== undefined && subject === undefined) return undefined;
  const claims = buildClaims(predicate);
  if (claims === undefined) return undefined;
  const { builder, buildType, source, commit, config, substitutions, invocation, materials } = claims;
  return present({
    subject,
    builder,
    buildType,
    source,
    commit,
    isDirty: claims.isDirty ? true : undefined,
    config,
    substitutions: Object.keys(substitutions).length === 0 ? undefined : substitutions,
    run: invocation,
    startedAt: timeOf(claims.startedAt),
    finishedAt: timeOf(claims.finishedAt),
    materials: materialsOf(materials),
  });
}

function timeOf(written: string | undefined): string | undefined {
  return time.safeParse(written).data;
}

/** Without what is not known: JSON and comparisons see no difference between unknown and absent. */
function present(
  facts: {
    readonly [Key in keyof Provenance]-?: Provenance[Key] | undefined;
  },
): Provenance {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

function materialsOf(inputs: BuildClaims["materials"]): Material[] | undefined {
  const found = new Map<string, Material>();
  for (const { uri, digest } of inputs) {
    const entry = Object.entries(digest).find(
      ([algorithm, hex]) => /^\w{1,20}$/.test(algorithm) && /^[0-9a-f]{1,128}$/.test(hex),
    );
    const named = entry === undefined ? undefined : entry.join(":");
    found.set(`${uri} ${named}`, { uri, digest: named });
    if (found.size === maxMaterials) break;
  }
  return found.size === 0 ? undefined : [...found.values()];
}

/** The statement in an envelope, or what is given, when it is in none. */
function unwrapped(json: unknown): unknown {
  const envelope = envelopeSchema.safeParse(json).data ?? bundleSchema.safeParse(json).data?.dsseEnvelope;
  return envelope === undefined ? json : jsonIn(Buffer.from(envelope.payload, "base64").toString("utf8"));
}
