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
/** Materials and substitutions that are kept of one statement. */
const maxEntries = 200;
/** Characters of a substitution that are kept: as many as Cloud Build takes. */
const maxValueLength = 4000;

const text = z.catch(z.optional(z.string().check(z.maxLength(2048))), undefined);
const time = z.catch(z.optional(z.iso.datetime({ offset: true })), undefined);
const values = z.catch(z.optional(z.record(z.string(), z.unknown())), undefined);
const digests = z.catch(z.optional(z.record(z.string(), z.string())), undefined);
const material = z.object({ uri: text, digest: digests, annotations: values });
const materials = z.catch(z.optional(z.array(material).check(z.maxLength(10_000))), undefined);
const lenient = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.catch(z.optional(z.object(shape)), undefined);

const envelopeSchema = z.object({ payload: z.string() });
const bundleSchema = z.object({ dsseEnvelope: envelopeSchema });
const statementSchema = z.object({
  predicateType: z.string().check(z.regex(/^https:\/\/slsa\.dev\/provenance\//)),
  subject: z.array(z.object({ digest: z.record(z.string(), z.string()) })).check(z.maxLength(10_000)),
  predicate: z.object({
    // Version 0.2.
    buildType: text,
    builder: lenient({ id: text }),
    invocation: lenient({
      configSource: z.catch(z.optional(z.extend(material, { entryPoint: text })), undefined),
    }),
    metadata: lenient({
      buildInvocationId: text,
      buildInvocationID: text,
      buildStartedOn: time,
      buildFinishedOn: time,
    }),
    materials,
    // Version 1.
    buildDefinition: lenient({
      buildType: text,
      externalParameters: lenient({
        buildConfigSource: lenient({ path: text }),
        workflow: lenient({ path: text }),
        configSource: lenient({ path: text }),
        substitutions: values,
      }),
      resolvedDependencies: materials,
    }),
    runDetails: lenient({
      builder: lenient({ id: text }),
      metadata: lenient({ invocationId: text, invocationID: text, startedOn: time, finishedOn: time }),
    }),
  }),
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
  const { buildDefinition, runDetails, invocation, metadata } = predicate;
  const parameters = buildDefinition?.externalParameters;
  const inputs = [
    ...(invocation?.configSource === undefined ? [] : [invocation.configSource]),
    ...(buildDefinition?.resolvedDependencies ?? []),
    ...(predicate.materials ?? []),
  ];
  const source = inputs.find((input) => commitOf(input.digest) !== undefined);
  return present({
    subject,
    builder: runDetails?.builder?.id ?? predicate.builder?.id,
    buildType: buildDefinition?.buildType ?? predicate.buildType,
    source: source?.uri,
    commit: commitOf(source?.digest),
    isDirty: source?.annotations?.dirty === true ? true : undefined,
    config:
      parameters?.buildConfigSource?.path ??
      parameters?.workflow?.path ??
      parameters?.configSource?.path ??
      invocation?.configSource?.entryPoint,
    substitutions: textsOf(parameters?.substitutions),
    run:
      runDetails?.metadata?.invocationId ??
      runDetails?.metadata?.invocationID ??
      metadata?.buildInvocationId ??
      metadata?.buildInvocationID,
    startedAt: runDetails?.metadata?.startedOn ?? metadata?.buildStartedOn,
    finishedAt: runDetails?.metadata?.finishedOn ?? metadata?.buildFinishedOn,
    materials: materialsOf(inputs),
  });
}

/** Without what is not known: JSON and comparisons see no difference between unknown and absent. */
function present(
  facts: {
    readonly [Key in keyof Provenance]-?: Provenance[Key] | undefined;
  },
): Provenance {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

function commitOf(digest: Readonly<Record<string, string>> | undefined): string | undefined {
  const commit = digest?.gitCommit ?? digest?.sha1;
  return commit !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit) ? commit : undefined;
}

function textsOf(given: Readonly<Record<string, unknown>> | undefined): Record<string, string> | undefined {
  const texts = Object.entries(given ?? {}).flatMap(([key, value]) =>
    typeof value === "string" ? [[key.slice(0, 100), value.slice(0, maxValueLength)]] : [],
  );
  return texts.length === 0 ? undefined : Object.fromEntries(texts.slice(0, maxEntries));
}

function materialsOf(inputs: readonly z.infer<typeof material>[]): Material[] | undefined {
  const found = new Map<string, Material>();
  for (const { uri, digest } of inputs) {
    if (uri === undefined) continue;
    const entry = Object.entries(digest ?? {}).find(
      ([algorithm, hex]) => /^\w{1,20}$/.test(algorithm) && /^[0-9a-f]{1,128}$/.test(hex),
    );
    const named = entry === undefined ? undefined : entry.join(":");
    found.set(`${uri} ${named}`, { uri, digest: named });
    if (found.size === maxEntries) break;
  }
  return found.size === 0 ? undefined : [...found.values()];
}

/** The statement in an envelope, or what is given, when it is in none. */
function unwrapped(json: unknown): unknown {
  const envelope = envelopeSchema.safeParse(json).data ?? bundleSchema.safeParse(json).data?.dsseEnvelope;
  return envelope === undefined ? json : jsonIn(Buffer.from(envelope.payload, "base64").toString("utf8"));
}
