import { posix } from "node:path";
import type { GoogleOptions } from "../builds/index.ts";
import { prefixFault } from "../oci/index.ts";
import {
  described,
  type Fields,
  flag,
  integer,
  mapping,
  type ReadContext,
  required,
  type Shape,
  text,
  type ValueOf,
  word,
} from "../schema/index.ts";
import { count, line, oneOrMore, path, pathFault, refuseBoth, repository, variableFault } from "./shape.ts";
import type {
  JobBuild,
  JobKind,
  JobPromotion,
  JobProposal,
  JobReview,
  JobSnapshot,
  JobVerification,
  JobWork,
} from "./work.ts";

const google: Shape<GoogleOptions> = mapping("google", {
  region: line,
  scratchBucket: line,
  machineType: line,
  workerPool: line,
  serviceAccount: line,
  pollingSeconds: count,
  suppressLogs: flag,
});

const build: Shape<JobBuild> = mapping(
  "a build",
  {
    dir: required(path),
    engine: word(["docker", "podman", "buildah", "scratch"]),
    config: line,
    buildDir: path,
    project: line,
    pushTo: line,
    pushAsNamed: flag,
    env: oneOrMore(text(variableFault)),
    variant: line,
    versionTagFilter: line,
    withGitDir: flag,
    allowDirty: flag,
    noSource: flag,
    google,
  },
  {
    check: (fields, _, reading) => {
      refuseConfigOutside(fields, reading);
      refuseBoth(fields, "pushTo", "pushAsNamed", reading);
    },
  },
);

function refuseConfigOutside({ value }: Fields, { findings }: ReadContext): void {
  const dir = value("dir");
  const config = value("config");
  if (config?.kind !== "scalar" || config.value === "") return;
  const folder = dir?.kind === "scalar" && pathFault(dir.value) === undefined ? dir.value : ".";
  if (pathFault(posix.join(folder, config.value)) === undefined) return;
  findings.report("invalid-value", config.start, "the build file is outside the repository");
}

/** Where in a repository the manifests are. */
const manifests = described(
  path,
  "In the repository: a folder of thin manifests, or a file that is a promoter manifest.",
);

const promote: Shape<JobPromotion> = mapping("a promotion", {
  manifests: required(manifests),
  dryRun: flag,
  strict: flag,
});

const review: Shape<JobReview> = mapping("a review", {
  manifests: required(manifests),
  post: flag,
  allowRemovals: flag,
  requireApproval: flag,
});

const verify: Shape<JobVerification> = mapping(
  "a verification",
  {
    manifests: required(manifests),
    attempts: integer(1, 100),
    deep: flag,
    sample: text(
      (written) =>
        /^(?:100|[1-9]?[0-9](?:\.[0-9]{1,4})?)%$/.test(written)
          ? undefined
          : "expected a part of all blobs, such as 2%",
      { type: "string", pattern: "%$" },
    ),
    signatures: flag,
  },
  { check: (fields, _, reading) => refuseBoth(fields, "deep", "sample", reading) },
);

const registryPrefix: Shape<string> = text((written) => prefixFault(written));

const snapshot: Shape<JobSnapshot> = mapping("a snapshot", {
  registry: required(registryPrefix),
  manifests,
  minimal: flag,
  artifact: text((written) =>
    /^[A-Za-z0-9][\w.-]{0,99}\.(?:ya?ml|csv)$/.test(written)
      ? undefined
      : "expected the name of a file that ends with .yaml or .csv",
  ),
});

const propose: Shape<JobProposal> = mapping(
  "a proposal",
  {
    from: required(word(["build", "release", "tag"])),
    repo: required(repository),
    manifests: required(manifests),
    project: line,
    staging: registryPrefix,
    profile: line,
    images: oneOrMore(line),
    base: line,
    fork: line,
    reviewers: oneOrMore(line),
    labels: oneOrMore(line),
    hold: flag,
  },
  {
    check: ({ known, value }, node, { findings }) => {
      if (!known.has("project") && !known.has("staging"))
        findings.report("missing-key", node.start, "project or staging is missing");
      const from = value("from");
      const profile = known.get("profile")?.key;
      if (profile === undefined || from?.kind !== "scalar" || from.value === "release") return;
      findings.report("invalid-value", profile.start, "a profile is that of a release");
    },
  },
);

/** The keys of a job file that say what is done, of which it has one. */
export const workShapes = { build, promote, review, verify, snapshot, propose } as const;

/** In the order of a list for people. */
export const jobKinds: readonly JobKind[] = ["build", "promote", "review", "verify", "snapshot", "propose"];

type WorkValues = { readonly [Kind in JobKind]?: ValueOf<(typeof workShapes)[Kind]> | undefined };

/** What is done, of the values that {@link workShapes} have read; nothing where none of them was. */
export function workOf({
  build,
  promote,
  review,
  verify,
  snapshot,
  propose,
}: WorkValues): JobWork | undefined {
  if (build !== undefined) return { kind: "build", build };
  if (promote !== undefined) return { kind: "promote", promote };
  if (review !== undefined) return { kind: "review", review };
  if (verify !== undefined) return { kind: "verify", verify };
  if (snapshot !== undefined) return { kind: "snapshot", snapshot };
  return propose && { kind: "propose", propose };
}
