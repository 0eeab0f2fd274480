import * as z from "zod/mini";

/** Types of SLSA build provenance that are read. */
export const provenanceTypes: readonly string[] = [
  "https://slsa.dev/provenance/v1",
  "https://slsa.dev/provenance/v0.2",
];

/** What SLSA provenance claims of a build, in the words of both versions. */
export interface BuildClaims {
  readonly builder?: string | undefined;
  readonly buildType?: string | undefined;
  readonly invocation?: string | undefined;
  /** ISO 8601. */
  readonly finishedAt?: string | undefined;
  /** Where the source is: the first input that has a commit. */
  readonly source?: string | undefined;
  /** All that went in. */
  readonly materials: readonly { readonly uri: string; readonly digest: Readonly<Record<string, string>> }[];
}

const text = z.catch(z.optional(z.string().check(z.maxLength(2048))), undefined);
const digests = z.catch(z.record(z.string().check(z.maxLength(64)), z.string().check(z.maxLength(256))), {});
const material = z.object({ uri: text, digest: digests });
const materials = z.catch(z.array(material).check(z.maxLength(10_000)), []);
const lenient = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.catch(z.optional(z.object(shape)), undefined);
const predicateSchema = z.object({
  // Version 0.2.
  buildType: text,
  builder: lenient({ id: text }),
  invocation: lenient({ configSource: z.catch(z.optional(material), undefined) }),
  metadata: lenient({ buildInvocationId: text, buildInvocationID: text, buildFinishedOn: text }),
  materials,
  // Version 1.
  buildDefinition: lenient({ buildType: text, resolvedDependencies: materials }),
  runDetails: lenient({
    builder: lenient({ id: text }),
    metadata: lenient({ invocationId: text, invocationID: text, finishedOn: text }),
  }),
});

/** What a predicate of one of {@link provenanceTypes} claims; `undefined` when it is none. */
export function buildClaims(predicate: unknown): BuildClaims | undefined {
  const read = predicateSchema.safeParse(predicate).data;
  if (read === undefined) return undefined;
  const { buildDefinition, runDetails, invocation, metadata } = read;
  const inputs = [
    ...(invocation?.configSource === undefined ? [] : [invocation.configSource]),
    ...(buildDefinition?.resolvedDependencies ?? []),
    ...read.materials,
  ];
  return {
    builder: runDetails?.builder?.id ?? read.builder?.id,
    buildType: buildDefinition?.buildType ?? read.buildType,
    invocation:
      runDetails?.metadata?.invocationId ??
      runDetails?.metadata?.invocationID ??
      metadata?.buildInvocationId ??
      metadata?.buildInvocationID,
    finishedAt: runDetails?.metadata?.finishedOn ?? metadata?.buildFinishedOn,
    source: inputs.find(({ digest }) => (digest.gitCommit ?? digest.sha1) !== undefined)?.uri,
    materials: inputs.flatMap(({ uri, digest }) => (uri === undefined ? [] : [{ uri, digest }])),
  };
}

/**
 * Whether a repository of source code is the one that a policy names, as SLSA's verifier compares them: `git+` in front, `.git`
 * or `/` behind and the revision behind `@` mean nothing, hosts have no case, and a scheme counts where the policy names one.
 */
export function isSource(expected: string, recorded: string): boolean {
  const want = sourceParts(expected);
  const got = sourceParts(recorded);
  return (
    got.repository !== "" &&
    want.repository === got.repository &&
    (want.scheme === "" || want.scheme === got.scheme)
  );
}

function sourceParts(uri: string): { readonly scheme: string; readonly repository: string } {
  const [, scheme = "", rest = ""] = /^(?:git\+)?(?:([^:/@]*):\/\/)?(.*)$/s.exec(uri.trim()) ?? [];
  const [place = ""] = rest.split("@");
  const [host = "", ...path] = place
    .replace(/\/$/, "")
    .replace(/\.git$/, "")
    .split("/");
  return { scheme: scheme.toLowerCase(), repository: [host.toLowerCase(), ...path].join("/") };
}

/** Whether a builder of a policy is the one that provenance names: without an `@`, at whatever revision. */
export function isBuilder(trusted: string, claimed: string): boolean {
  return claimed === trusted || (!trusted.includes("@") && claimed.startsWith(`${trusted}@`));
}
