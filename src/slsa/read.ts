import * as z from "zod/mini";

/** Types of SLSA build provenance that are read. */
export const provenanceTypes: readonly string[] = [
  "https://slsa.dev/provenance/v1",
  "https://slsa.dev/provenance/v0.2",
];

/** What SLSA provenance claims of a build, in the words of both versions. All of it is text from outside, and bounded. */
export interface BuildClaims {
  readonly builder?: string | undefined;
  readonly buildType?: string | undefined;
  readonly invocation?: string | undefined;
  /** ISO 8601. */
  readonly startedAt?: string | undefined;
  /** ISO 8601. */
  readonly finishedAt?: string | undefined;
  /** Where the source is, and its commit: the first input that has one. */
  readonly source?: string | undefined;
  /** Hexadecimal digits; what is no commit of Git's is left out. */
  readonly commit?: string | undefined;
  /** The builder says that the source had changes that are in no commit. */
  readonly isDirty: boolean;
  /** The build file, from the top of the source on. */
  readonly config?: string | undefined;
  /** What was given for the variables of the build file; the first 200, each up to 4,000 characters. */
  readonly substitutions: Readonly<Record<string, string>>;
  /** The workflow that called the builder; `unclear` when something stands there that names none at a revision. */
  readonly caller?: WorkflowRun | "unclear" | undefined;
  /** All that went in, each as often as it is named; none when there are more than anybody lists. */
  readonly materials: readonly { readonly uri: string; readonly digest: Readonly<Record<string, string>> }[];
}

/** A workflow of GitHub's at the revision that it ran for. */
export interface WorkflowRun {
  /** The URL of its repository. */
  readonly repository: string;
  /** Its file in the repository. */
  readonly path: string;
  /** Of Git: `refs/tags/v1.2.3`. */
  readonly ref: string;
}

/** Characters of one text; what is longer is left out. */
const maxClaimLength = 2048;
/** Inputs of a build; of more than that none is read, for each of them may be the one that matters. */
const maxMaterials = 10_000;
/** Digests of one input. */
const maxDigests = 16;
const maxSubstitutions = 200;
/** Characters of a substitution that are kept: as many as Cloud Build takes. */
const maxValueLength = 4000;

/** Looks at how much there is before any of it is read. */
function few<Output>(most: number, schema: z.ZodMiniType<Output, unknown>) {
  return z.pipe(
    z.transform((value: unknown): unknown => (sizeOf(value, most) > most ? undefined : value)),
    schema,
  );
}

/** Entries of a list or a mapping, counted up to one more than a bound. */
function sizeOf(value: unknown, most: number): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  let size = 0;
  for (const _ in value) {
    size += 1;
    if (size > most) break;
  }
  return size;
}

/** The first texts of a mapping, cut where they are too long. */
function firstTexts(value: unknown): Record<string, string> {
  const texts: [string, string][] = [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  let seen = 0;
  for (const key in value) {
    seen += 1;
    if (texts.length >= maxSubstitutions || seen > 10 * maxSubstitutions) break;
    const text: unknown = Object.getOwnPropertyDescriptor(value, key)?.value;
    if (typeof text === "string") texts.push([key.slice(0, 100), text.slice(0, maxValueLength)]);
  }
  return Object.fromEntries(texts);
}

const text = z.catch(z.optional(z.string().check(z.maxLength(maxClaimLength))), undefined);
const time = z.catch(z.optional(z.string().check(z.maxLength(64))), undefined);
const lenient = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.catch(z.optional(z.object(shape)), undefined);
const digests = z.catch(
  few(maxDigests, z.record(z.string().check(z.maxLength(64)), z.string().check(z.maxLength(256)))),
  {},
);
const material = z.object({
  uri: text,
  digest: digests,
  annotations: lenient({ dirty: z.optional(z.unknown()) }),
});
const materials = z.catch(few(maxMaterials, z.array(material)), []);
const runSchema = z.object({ repository: z.string(), path: z.string(), ref: z.string() });
const predicateSchema = z.object({
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
      workflow: z.optional(z.unknown()),
      configSource: lenient({ path: text }),
      substitutions: z.optional(z.unknown()),
    }),
    resolvedDependencies: materials,
  }),
  runDetails: lenient({
    builder: lenient({ id: text }),
    metadata: lenient({ invocationId: text, invocationID: text, startedOn: time, finishedOn: time }),
  }),
});

type Predicate = z.infer<typeof predicateSchema>;

/** What a predicate of SLSA provenance claims; `undefined` when it is none. */
export function buildClaims(predicate: unknown): BuildClaims | undefined {
  const read = predicateSchema.safeParse(predicate).data;
  if (read === undefined) return undefined;
  const { buildDefinition, runDetails, invocation, metadata } = read;
  const parameters = buildDefinition?.externalParameters;
  const inputs = [
    ...(invocation?.configSource === undefined ? [] : [invocation.configSource]),
    ...(buildDefinition?.resolvedDependencies ?? []),
    ...read.materials,
  ];
  const source = inputs.find(({ digest }) => (digest.gitCommit ?? digest.sha1) !== undefined);
  const commit = source?.digest.gitCommit ?? source?.digest.sha1;
  return {
    builder: runDetails?.builder?.id ?? read.builder?.id,
    buildType: buildDefinition?.buildType ?? read.buildType,
    invocation:
      runDetails?.metadata?.invocationId ??
      runDetails?.metadata?.invocationID ??
      metadata?.buildInvocationId ??
      metadata?.buildInvocationID,
    startedAt: runDetails?.metadata?.startedOn ?? metadata?.buildStartedOn,
    finishedAt: runDetails?.metadata?.finishedOn ?? metadata?.buildFinishedOn,
    source: source?.uri,
    commit: commit !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit) ? commit : undefined,
    isDirty: source?.annotations?.dirty === true,
    config:
      parameters?.buildConfigSource?.path ??
      pathOf(parameters?.workflow) ??
      parameters?.configSource?.path ??
      invocation?.configSource?.entryPoint,
    substitutions: firstTexts(parameters?.substitutions),
    caller: callerOf(read),
    materials: inputs.flatMap(({ uri, digest }) => (uri === undefined ? [] : [{ uri, digest }])),
  };
}

const withPath = z.object({ path: text });

function pathOf(workflow: unknown): string | undefined {
  return withPath.safeParse(workflow).data?.path;
}

/** GitHub writes the caller into the parameters of version 1; the generators of SLSA's write it as the source of version 0.2. */
function callerOf({ buildDefinition, invocation }: Predicate): BuildClaims["caller"] {
  const workflow = buildDefinition?.externalParameters?.workflow;
  if (workflow !== undefined && workflow !== null) {
    const run = runSchema.safeParse(workflow).data;
    const isBounded = run !== undefined && Object.values(run).every((each) => each.length <= maxClaimLength);
    return isBounded ? run : "unclear";
  }
  const { uri = "", entryPoint = "" } = invocation?.configSource ?? {};
  if (uri === "" && entryPoint === "") return undefined;
  const [repository = "", ...rest] = uri.replace(/^git\+/, "").split("@");
  const ref = rest.join("@");
  return repository === "" || ref === "" || entryPoint === ""
    ? "unclear"
    : { repository, path: entryPoint, ref };
}
