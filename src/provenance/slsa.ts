import { withoutPassword } from "../git/index.ts";
import type { Digest } from "../oci/index.ts";
import { digestSet, type Statement } from "./statement.ts";

/** The predicate type of SLSA provenance, version 1. */
export const slsaProvenance = "https://slsa.dev/provenance/v1";

/**
 * What a build is, in provenance: a Cloud Build file with image-builder's substitutions, run by Waybill. A package URL,
 * for it is a URI that needs neither a domain nor a namespace that somebody has to own.
 */
export const buildType = "pkg:generic/waybill#cloudbuild/v1";

/**
 * Who ran a build, as long as nobody says otherwise: Waybill, wherever somebody ran it. It names the program and vouches
 * for no machine; a site that runs a builder for others gives it a URI of its own.
 */
export const unnamedBuilder = "pkg:generic/waybill";

/** What is known of a build when it has ended. */
export interface BuildFacts {
  /** What it pushed. The name of a repository is for people. */
  readonly subjects: readonly { readonly name: string; readonly digest: Digest }[];
  readonly source: {
    /** As Git has it: a URL, or `user@host:path`. Credentials in it are left out, and so is a folder. */
    readonly repository?: string | undefined;
    /** The branch or tag that was asked for: `refs/heads/main`, `main`. */
    readonly ref?: string | undefined;
    readonly commit?: string | undefined;
    /** There were changes that are not in the commit. */
    readonly isDirty: boolean;
  };
  /** The build file, from the top of the source on. */
  readonly config: string;
  readonly substitutions: Readonly<Record<string, string>>;
  readonly variant?: string | undefined;
  readonly platforms?: readonly string[] | undefined;
  /** What ran the steps: `buildah`, `docker`. */
  readonly engine: string;
  /** The images that steps ran in or that images were built on. */
  readonly images: readonly { readonly name: string; readonly digest: Digest }[];
  readonly run: { readonly job: string; readonly id: string };
  readonly version: string;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  /** Values that must not be written down: a substitution that has one in it is left out. */
  readonly secrets?: readonly string[];
}

/**
 * What a build did, as SLSA provenance, version 1. The same facts give the same statement. Parameters are named as
 * Google's Cloud Build names them (`buildConfigSource`, `substitutions`), so that who reads those reads these.
 */
export function slsaStatement(facts: BuildFacts): Statement {
  const { source, variant, platforms, engine, run, version } = facts;
  const repository = source.repository === undefined ? undefined : urlOf(source.repository);
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: facts.subjects.map(({ name, digest }) => ({ name, digest: digestSet(digest) })),
    predicateType: slsaProvenance,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: {
          buildConfigSource: { repository, ref: source.ref, path: facts.config },
          substitutions: withoutSecrets(facts.substitutions, facts.secrets ?? []),
          variant,
          platforms,
        },
        internalParameters: { engine },
        resolvedDependencies: [
          ...(source.commit === undefined ? [] : [sourceOf({ ...source, repository })]),
          ...facts.images.map(({ name, digest }) => ({ uri: `docker://${name}`, digest: digestSet(digest) })),
        ],
      },
      runDetails: {
        builder: { id: unnamedBuilder, version: { waybill: version } },
        metadata: {
          invocationId: `${run.job}/${run.id}`,
          startedOn: seconds(facts.startedAt),
          finishedOn: seconds(facts.finishedAt),
        },
      },
    },
  };
}

function sourceOf({ repository, commit, isDirty }: BuildFacts["source"]): object {
  return {
    name: "source",
    uri: repository && `git+${repository}@${commit}`,
    digest: { gitCommit: commit },
    annotations: isDirty ? { dirty: true } : undefined,
  };
}

/**
 * The URL of a repository, without credentials; `user@host:path` is short for one by SSH. A folder has none that means
 * anything elsewhere.
 */
function urlOf(repository: string): string | undefined {
  const short = /^(?<user>[\w.-]+@)?(?<host>[\w.-]+):(?<path>(?!\/\/).+)$/.exec(repository)?.groups;
  if (short !== undefined) return `ssh://${short.user ?? ""}${short.host}/${short.path?.replace(/^\/+/, "")}`;
  if (!/^(?:https?|ssh|git):\/\//.test(repository)) return undefined;
  return withoutPassword(repository);
}

function withoutSecrets(
  substitutions: Readonly<Record<string, string>>,
  secrets: readonly string[],
): Record<string, string> {
  const known = secrets.filter((secret) => secret !== "");
  return Object.fromEntries(
    Object.entries(substitutions).filter(([, value]) => !known.some((secret) => value.includes(secret))),
  );
}

/** RFC 3339 without fractions, as other builders write it. */
function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
