import { describe, expect, test } from "vitest";
import {
  type Evidence,
  type EvidenceItem,
  evaluatePolicies,
  type ManifestWithProvenance,
  type PolicyVerdict,
  policiesFor,
  provenancePolicies,
} from "../../src/policy/index.ts";
import {
  digestNamed,
  evidence,
  github,
  image,
  now,
  platform,
  refuted,
  signedBy,
  statement,
  unsigned,
} from "./evidence.ts";

// Rows of kpromo's own documentation and tests (docs/image-promotion.md, promoter/image/provenance), restated.

type Provenance = NonNullable<ManifestWithProvenance["provenance"]>;

const builderIdentity = "builder@project.iam.example.com";
const other = "someone-else@example.iam.gserviceaccount.com";
const signer = `sigstore::https://accounts.google.com::${builderIdentity}`;
const builder = "https://cloudbuild.googleapis.com/GoogleHostedWorker";
const selfSigned = "https://prow.example.com/self-signed";
const source = "github.com/example/p";
const workflow = "https://github.com/example/p/.github/workflows/provenance.yml";
const generatorIdentity = `${workflow}@refs/tags/v1.2.0`;
const generator = `sigstore(identityMatch=regex)::${github}::https://github\\.com/example/p/\\.github/workflows/provenance\\.yml@refs/tags/v[0-9]+\\.[0-9]+\\.[0-9]+`;
const spdx = "https://spdx.dev/Document";

function policy(more: Partial<Provenance> = {}): Provenance {
  return {
    mode: "require",
    signers: [signer],
    builders: [{ id: builder, level: 3 }],
    sources: [source],
    predicateTypes: [],
    at: { line: 5, column: 1 },
    ...more,
  };
}

/** Two builders: one that a generator alone may claim, and one for who is named by none. */
const bound = (level?: 2 | 3) =>
  policy({
    signers: [signer, generator],
    builders: [
      { id: workflow, level: 3, signers: [generator] },
      { id: selfSigned, level: 1 },
    ],
    level,
  });

interface Built {
  readonly by?: string;
  readonly from?: string;
  readonly noInvocation?: boolean;
  readonly signature?: EvidenceItem["signature"];
  readonly manifest?: string;
  /** The workflow that it says has called the builder. */
  readonly caller?: unknown;
}

function provenance({
  by = builder,
  from = `git+https://${source}@refs/heads/main`,
  noInvocation = false,
  signature = signedBy(builderIdentity),
  manifest = "provenance",
  caller,
}: Built = {}): EvidenceItem {
  return statement(
    "https://slsa.dev/provenance/v1",
    signature,
    {
      buildDefinition: {
        buildType: "https://cloudbuild.googleapis.com/CloudBuildYaml@v1",
        externalParameters: caller === undefined ? {} : { workflow: caller },
        resolvedDependencies: [{ uri: from, digest: { gitCommit: "a".repeat(40) } }],
      },
      runDetails: {
        builder: { id: by },
        metadata: noInvocation ? {} : { invocationId: "https://prow.example.com/1" },
      },
    },
    manifest,
  );
}

const sbom = (by: EvidenceItem["signature"], manifest = "sbom") =>
  statement(spdx, by, { spdxVersion: "SPDX-2.3" }, manifest);

const generated = (more: Built = {}) =>
  provenance({ by: generatorIdentity, signature: signedBy(generatorIdentity, github), ...more });

const buildYml = ".github/workflows/build.yml";

interface Run {
  readonly repository: string;
  readonly path: string;
  readonly ref: string;
}

const release: Run = { repository: `https://${source}`, path: buildYml, ref: "refs/tags/v1.2.0" };

/** A certificate of the generator, in a run that it names. */
function certificateOf(run: Run | undefined, sourceRepository = run?.repository): EvidenceItem["signature"] {
  const buildConfig = run === undefined ? undefined : `${run.repository}/${run.path}@${run.ref}`;
  return signedBy(generatorIdentity, github, {
    claims: {
      ...(buildConfig === undefined ? {} : { buildConfig }),
      ...(sourceRepository === undefined ? {} : { sourceRepository }),
    },
  });
}

/** Provenance of the generator that names one run, by a certificate that names another. */
const calledBy = (caller: unknown, signature: EvidenceItem["signature"]): Evidence =>
  evidence([generated({ caller, signature })]);
const calledAs = (run: Run): Evidence => calledBy(run, certificateOf(run));

/** The same in version 0.2, as SLSA's generators write it. */
function olderCalledBy({ repository, path, ref }: Run, signature: EvidenceItem["signature"]): Evidence {
  const input = { uri: `git+${repository}@${ref}`, digest: { sha1: "a".repeat(40) } };
  return evidence([
    statement("https://slsa.dev/provenance/v0.2", signature, {
      builder: { id: generatorIdentity },
      buildType: "https://github.com/slsa-framework/slsa-github-generator/generic@v1",
      invocation: { configSource: { ...input, entryPoint: path } },
      metadata: { buildInvocationID: "https://prow.example.com/1" },
      materials: [input],
    }),
  ]);
}

/** The generator may be called by one workflow, at tags of releases. */
function called(more: Partial<Caller> = {}, sources: readonly string[] = [source]): Provenance {
  const { builders, ...rest } = bound();
  const caller = { workflows: [buildYml], refs: ["refs/tags/v*"], ...more };
  return {
    ...rest,
    sources,
    builders: builders.map((each) => (each.id === workflow ? { ...each, caller } : each)),
  };
}

type Caller = NonNullable<Provenance["builders"][number]["caller"]>;

/** Provenance of both builders of {@link bound}. */
const both = (): EvidenceItem[] => [
  provenance({ by: selfSigned, manifest: "self-signed" }),
  generated({ manifest: "generated" }),
];

/** The image `app` has to reach level 3. */
const levels = (images: readonly string[] = ["app", "charts/*"]): Provenance => ({
  ...bound(),
  levels: [{ images, level: 3 }],
});

function judge(provenance: Provenance, found: Evidence): PolicyVerdict | undefined {
  const policies = provenancePolicies([
    { file: "m/p/promoter-manifest.yaml", source: { name: "staging.example.com/p" }, provenance },
  ]);
  return evaluatePolicies(policies, image, found, now)[0];
}

interface Row {
  readonly name: string;
  readonly policy?: Provenance;
  readonly found: Evidence;
  readonly outcome: PolicyVerdict["outcome"];
  /** What is told. */
  readonly why?: string;
  /** What is verified, where it is satisfied. */
  readonly level?: number;
}

const unread = [{ code: "timeout", message: "registry.example.com did not answer" }];

const rows: readonly Row[] = [
  {
    name: "signed provenance satisfies the policy",
    found: evidence([provenance()]),
    outcome: "satisfied",
    why: "level 3",
  },
  { name: "no attestations", found: evidence([]), outcome: "missing", why: "no SLSA provenance" },
  {
    name: "unsigned provenance",
    found: evidence([provenance({ signature: unsigned })]),
    outcome: "failed",
    why: "nobody signed",
  },
  {
    name: "a refuted signature",
    found: evidence([provenance({ signature: refuted })]),
    outcome: "failed",
    why: "not of these bytes",
  },
  {
    name: "a foreign signer",
    found: evidence([provenance({ signature: signedBy(other) })]),
    outcome: "failed",
    why: other,
  },
  {
    name: "the identity of another issuer",
    found: evidence([provenance({ signature: signedBy(builderIdentity, "https://evil.example.com") })]),
    outcome: "failed",
  },
  {
    name: "a prefix of the identity",
    found: evidence([provenance({ signature: signedBy("builder@project.iam.example.co") })]),
    outcome: "failed",
  },
  {
    name: "the identity with a suffix",
    found: evidence([provenance({ signature: signedBy(`${builderIdentity}.evil.com`) })]),
    outcome: "failed",
  },
  {
    name: "an untrusted builder",
    found: evidence([provenance({ by: "https://example.com/builder" })]),
    outcome: "failed",
    why: "https://example.com/builder",
  },
  {
    name: "a builder with a longer name",
    found: evidence([provenance({ by: `${builder}2` })]),
    outcome: "failed",
  },
  {
    name: "a builder without a revision is meant at any",
    found: evidence([provenance({ by: `${builder}@refs/heads/main` })]),
    outcome: "satisfied",
  },
  {
    name: "a builder with a revision is meant at that alone",
    policy: policy({ builders: [{ id: `${builder}@v1`, level: 3 }] }),
    found: evidence([provenance({ by: `${builder}@v2` })]),
    outcome: "failed",
  },
  {
    name: "another source",
    found: evidence([provenance({ from: "git+https://github.com/example/other" })]),
    outcome: "failed",
    why: "github.com/example/other",
  },
  {
    name: "a source below the right one",
    found: evidence([provenance({ from: `git+https://${source}/sub` })]),
    outcome: "failed",
  },
  {
    name: "the source in other spellings",
    found: evidence([provenance({ from: "https://GitHub.com/example/p.git" })]),
    outcome: "satisfied",
  },
  {
    name: "a scheme counts where the policy names one",
    policy: policy({ sources: [`https://${source}`] }),
    found: evidence([provenance({ from: `git+ssh://${source}@main` })]),
    outcome: "failed",
  },
  {
    name: "the second source matches",
    policy: policy({ sources: ["github.com/example/other", source] }),
    found: evidence([provenance()]),
    outcome: "satisfied",
  },
  {
    name: "one good provenance among bad ones",
    found: evidence([
      provenance({ signature: signedBy(other), manifest: "bad" }),
      provenance({ manifest: "good" }),
    ]),
    outcome: "satisfied",
  },
  {
    name: "an expression as signer",
    policy: policy({
      signers: [
        "sigstore(identityMatch=regex)::https://accounts.google.com::.*@project\\.iam\\.example\\.com",
      ],
    }),
    found: evidence([provenance()]),
    outcome: "satisfied",
  },
  {
    name: "an expression has to fit the whole identity",
    policy: policy({ signers: ["sigstore(identityMatch=regex)::https://accounts.google.com::project"] }),
    found: evidence([provenance()]),
    outcome: "failed",
  },
  {
    name: "an expression is for the identity alone, not for the issuer",
    policy: policy({ signers: ["sigstore(identityMatch=regex)::https://.*::.*"] }),
    found: evidence([provenance()]),
    outcome: "failed",
  },
  {
    name: "a missing run fails without a level",
    found: evidence([provenance({ noInvocation: true })]),
    outcome: "failed",
    why: "which run",
  },
  {
    name: "a missing run passes at level 2",
    policy: policy({ level: 2 }),
    found: evidence([provenance({ noInvocation: true })]),
    outcome: "satisfied",
    why: "level 2",
  },
  {
    name: "the builder's level is the most that is verified",
    policy: policy({ builders: [{ id: builder, level: 1 }] }),
    found: evidence([provenance()]),
    outcome: "satisfied",
    why: "level 1",
  },
  {
    name: "the lowest level of builders that a signer may claim counts",
    policy: policy({
      builders: [
        { id: builder, level: 3 },
        { id: selfSigned, level: 1 },
      ],
    }),
    found: evidence([provenance()]),
    outcome: "satisfied",
    why: "level 1",
  },
  {
    name: "a builder that its signer is named for verifies at its level",
    policy: bound(),
    found: evidence([generated()]),
    outcome: "satisfied",
    why: "level 3",
  },
  {
    name: "and satisfies that level where it is demanded",
    policy: bound(3),
    found: evidence([generated()]),
    outcome: "satisfied",
    why: "level 3",
  },
  {
    name: "other signers cannot claim such a builder",
    policy: bound(),
    found: evidence([generated({ signature: signedBy(builderIdentity) })]),
    outcome: "failed",
  },
  {
    name: "other signers stay below the level that is demanded",
    policy: bound(3),
    found: evidence([provenance({ by: selfSigned })]),
    outcome: "failed",
    why: "reach level 1, and 3 is demanded",
  },
  {
    name: "a signer whom builders name cannot claim those that name nobody",
    policy: bound(),
    found: evidence([provenance({ by: selfSigned, signature: signedBy(generatorIdentity, github) })]),
    outcome: "failed",
  },
  {
    name: "a signer whom no builder names can claim none where all name some",
    policy: policy({
      signers: [signer, generator],
      builders: [{ id: workflow, level: 3, signers: [generator] }],
    }),
    found: evidence([provenance()]),
    outcome: "failed",
    why: "may claim no builder",
  },
  {
    name: "a workflow of GitHub's cannot claim to be another one",
    policy: policy({
      signers: [`sigstore(identityMatch=regex)::${github}::https://github\\.com/example/p/.*`],
      builders: [{ id: workflow, level: 3 }],
    }),
    found: evidence([
      generated({ signature: signedBy("https://github.com/example/p/.github/workflows/x.yml@main", github) }),
    ]),
    outcome: "failed",
    why: "another workflow has signed",
  },
  {
    name: "a certificate for another source",
    policy: bound(),
    found: evidence([
      generated({
        signature: signedBy(generatorIdentity, github, {
          claims: { sourceRepository: "https://github.com/example/fork" },
        }),
      }),
    ]),
    outcome: "failed",
    why: "another source",
  },
  {
    name: "the highest level of several counts",
    policy: bound(),
    found: evidence(both()),
    outcome: "satisfied",
    why: digestNamed("generated").slice(0, 19),
    level: 3,
  },
  {
    name: "the highest level of several counts, in any order",
    policy: bound(),
    found: evidence(both().reverse()),
    outcome: "satisfied",
    why: digestNamed("generated").slice(0, 19),
    level: 3,
  },
  {
    name: "of several at one level the first counts",
    policy: bound(),
    found: evidence([
      provenance({ by: selfSigned, manifest: "one" }),
      provenance({ by: selfSigned, manifest: "two" }),
    ]),
    outcome: "satisfied",
    why: digestNamed("one").slice(0, 19),
    level: 1,
  },
  ...[0, 3].map((level): Row => {
    const build = "https://github.com/example/p/.github/workflows/build.yml";
    const workflows = `sigstore(identityMatch=regex)::${github}::https://github\\.com/example/p/\\.github/workflows/.*`;
    return {
      name: `whoever is several signers reaches the lowest of their builders, where ${level || "no level"} is demanded`,
      policy: policy({
        signers: [generator, workflows],
        builders: [
          { id: workflow, level: 3, signers: [generator] },
          { id: build, level: 2, signers: [workflows] },
        ],
        level: level === 3 ? 3 : undefined,
      }),
      found: evidence([generated()]),
      ...(level === 3
        ? { outcome: "failed", why: "reach level 2, and 3 is demanded" }
        : { outcome: "satisfied", level: 2 }),
    };
  }),
  {
    name: "a caller that is allowed",
    policy: called(),
    found: calledAs(release),
    outcome: "satisfied",
    level: 3,
  },
  {
    name: "builders without a caller ask for none",
    policy: called(),
    found: evidence([provenance({ by: selfSigned })]),
    outcome: "satisfied",
    level: 1,
  },
  {
    name: "a caller of refs alone may be any workflow",
    policy: called({ workflows: [] }),
    found: calledAs({ ...release, path: ".github/workflows/other.yml" }),
    outcome: "satisfied",
    level: 3,
  },
  ...["refs/heads/main", "refs/pull/1/merge", "refs/tags/v1/x"].map(
    (ref): Row => ({
      name: `a caller at ${ref}`,
      policy: called(),
      found: calledAs({ ...release, ref }),
      outcome: "failed",
      why: "does not allow",
    }),
  ),
  {
    name: "another workflow that called",
    policy: called(),
    found: calledAs({ ...release, path: ".github/workflows/other.yml" }),
    outcome: "failed",
    why: "does not allow",
  },
  {
    name: "a caller in another repository",
    policy: called(),
    found: calledAs({ ...release, repository: "https://github.com/example/other" }),
    outcome: "failed",
    why: "another source",
  },
  {
    name: "a caller in another repository, where the certificate names no source",
    policy: called(),
    found: calledBy(
      { ...release, repository: "https://github.com/example/other" },
      signedBy(generatorIdentity, github, {
        claims: { buildConfig: `https://github.com/example/other/${buildYml}@refs/tags/v1.2.0` },
      }),
    ),
    outcome: "failed",
    why: "no source of the policy",
  },
  {
    name: "a certificate whose caller is in another repository than its run",
    policy: called(),
    found: calledBy(
      { ...release, repository: "https://github.com/example/other" },
      certificateOf({ ...release, repository: "https://github.com/example/other" }, `https://${source}`),
    ),
    outcome: "failed",
    why: "for another repository",
  },
  {
    name: "provenance that names another caller than its certificate",
    policy: called(),
    found: calledBy(release, certificateOf({ ...release, ref: "refs/tags/v1.3.0" })),
    outcome: "failed",
    why: "and its certificate that",
  },
  {
    name: "provenance that names no caller",
    policy: called(),
    found: calledBy(undefined, certificateOf(release)),
    outcome: "failed",
    why: "does not say that",
  },
  {
    name: "a certificate that names no caller",
    policy: called(),
    found: calledBy(release, certificateOf(undefined)),
    outcome: "failed",
    why: "certificate does not say",
  },
  {
    name: "a caller that is no workflow",
    policy: called(),
    found: calledBy("text", certificateOf(release)),
    outcome: "failed",
    why: "unclear",
  },
  {
    name: "a caller that is no workflow, of a builder that does not ask",
    policy: bound(),
    found: calledBy("text", certificateOf(release)),
    outcome: "satisfied",
    level: 3,
  },
  {
    name: "a caller in version 0.2",
    policy: called(),
    found: olderCalledBy(release, certificateOf(release)),
    outcome: "satisfied",
    level: 3,
  },
  {
    name: "another workflow in version 0.2",
    policy: called(),
    found: olderCalledBy({ ...release, path: "x.yml" }, certificateOf({ ...release, path: "x.yml" })),
    outcome: "failed",
    why: "does not allow",
  },
  {
    name: "a caller at a branch in version 0.2",
    policy: called(),
    found: olderCalledBy(
      { ...release, ref: "refs/heads/main" },
      certificateOf({ ...release, ref: "refs/heads/main" }),
    ),
    outcome: "failed",
    why: "does not allow",
  },
  {
    name: "another caller than that of the certificate in version 0.2",
    policy: called(),
    found: olderCalledBy(release, certificateOf({ ...release, ref: "refs/tags/v1.3.0" })),
    outcome: "failed",
    why: "and its certificate that",
  },
  ...[`https://${source}`, `https://${source}.git`].map(
    (spelt): Row => ({
      name: `the source as ${spelt} is that of the caller`,
      policy: called({}, [spelt]),
      found: calledBy(
        release,
        signedBy(generatorIdentity, github, {
          claims: { buildConfig: `${release.repository}/${buildYml}@${release.ref}` },
        }),
      ),
      outcome: "satisfied",
      level: 3,
    }),
  ),
  {
    name: "provenance that is refused for its caller leaves that of other builders",
    policy: called(),
    found: evidence(both()),
    outcome: "satisfied",
    why: digestNamed("self-signed").slice(0, 19),
    level: 1,
  },
  {
    name: "an image at the level that it has to reach",
    policy: levels(),
    found: evidence(both()),
    outcome: "satisfied",
    level: 3,
  },
  {
    name: "an image below the level that it has to reach",
    policy: levels(),
    found: evidence([provenance({ by: selfSigned })]),
    outcome: "failed",
    why: "reaches level 1 at most, and 3 is demanded of this image",
  },
  {
    name: "an image below its level says why better provenance did not count",
    policy: levels(),
    found: evidence([provenance({ by: selfSigned }), provenance({ by: workflow, manifest: "stolen" })]),
    outcome: "failed",
    why: "is none that its signer may claim",
  },
  {
    name: "what could not be read may have been provenance of that level",
    policy: levels(),
    found: evidence([provenance({ by: selfSigned })], { unread }),
    outcome: "unreadable",
  },
  {
    name: "an image that no pattern means has to reach no level",
    policy: levels(["ap", "app/*", "*/app", "?pp?", "[^a]pp"]),
    found: evidence([provenance({ by: selfSigned })]),
    outcome: "satisfied",
    level: 1,
  },
  ...["*", "a?p", "[a-b]pp", "[^b]pp", "\\app"].map(
    (pattern): Row => ({
      name: `the pattern ${pattern} means the image`,
      policy: levels([pattern]),
      found: evidence([provenance({ by: selfSigned })]),
      outcome: "failed",
      why: "of this image",
    }),
  ),
  {
    name: "the highest level of patterns that overlap",
    policy: {
      ...bound(),
      levels: [
        { images: ["app"], level: 2 },
        { images: ["a*"], level: 3 },
      ],
    },
    found: evidence([provenance({ by: selfSigned })]),
    outcome: "failed",
    why: "and 3 is demanded",
  },
  {
    name: "platforms have to reach the level of their index",
    policy: policy({ level: 2, levels: [{ images: ["app"], level: 3 }] }),
    found: evidence([], {
      platforms: [
        platform("linux/amd64", [provenance()]),
        platform("linux/arm64", [provenance({ noInvocation: true })]),
      ],
    }),
    outcome: "failed",
    why: "linux/arm64: its provenance reaches level 2",
  },
  {
    name: "an index at its level keeps its platforms at theirs",
    policy: levels(),
    found: evidence([generated()], {
      platforms: [platform("linux/amd64", [provenance({ by: selfSigned })])],
    }),
    outcome: "satisfied",
    level: 3,
  },
  {
    name: "a type that is demanded as well is there",
    policy: policy({ predicateTypes: [spdx] }),
    found: evidence([provenance(), sbom(signedBy(builderIdentity))]),
    outcome: "satisfied",
  },
  {
    name: "a type that is demanded as well is missing",
    policy: policy({ predicateTypes: [spdx] }),
    found: evidence([provenance()]),
    outcome: "missing",
    why: spdx,
  },
  {
    name: "a type that is demanded as well is unsigned, foreign and refuted",
    policy: policy({ predicateTypes: [spdx] }),
    found: evidence([
      provenance(),
      sbom(unsigned, "one"),
      sbom(signedBy(other), "two"),
      sbom(refuted, "three"),
    ]),
    outcome: "failed",
    why: spdx,
  },
  {
    name: "what could not be read may have been it",
    found: evidence([], { unread }),
    outcome: "unreadable",
    why: "did not answer",
  },
  {
    name: "what could not be read does no harm where enough was read",
    found: evidence([provenance()], { unread }),
    outcome: "satisfied",
  },
  {
    name: "all platforms satisfy the policy, at the lowest level",
    policy: policy({ level: 2 }),
    found: evidence([], {
      platforms: [
        platform("linux/amd64", [provenance()]),
        platform("linux/arm64", [provenance({ noInvocation: true })]),
      ],
    }),
    outcome: "satisfied",
    why: "level 2",
    level: 2,
  },
  {
    name: "one platform without provenance",
    found: evidence([], {
      platforms: [platform("linux/amd64", [provenance()]), platform("linux/arm64", [])],
    }),
    outcome: "missing",
    why: "linux/arm64: there is no SLSA provenance",
  },
  {
    name: "one platform from an untrusted builder",
    found: evidence([], {
      platforms: [
        platform("linux/amd64", [provenance()]),
        platform("linux/arm64", [provenance({ by: "https://example.com/builder" })]),
      ],
    }),
    outcome: "failed",
    why: "linux/arm64: ",
  },
  {
    name: "one platform that could not be read",
    found: evidence([], {
      platforms: [platform("linux/amd64", [provenance()]), platform("linux/arm64", [], { unread })],
    }),
    outcome: "unreadable",
    why: "linux/arm64: ",
  },
  {
    name: "refused provenance of the index is not outweighed by its platforms",
    found: evidence([provenance({ by: "https://example.com/builder" })], {
      platforms: [platform("linux/amd64", [provenance()]), platform("linux/arm64", [provenance()])],
    }),
    outcome: "failed",
  },
  {
    name: "what could not be read of the index may be provenance that is refused",
    found: evidence([], { unread, platforms: [platform("linux/amd64", [provenance()])] }),
    outcome: "unreadable",
  },
  {
    name: "the index satisfies the policy on its own",
    found: evidence([provenance()], {
      platforms: [platform("linux/amd64", []), platform("linux/arm64", [])],
    }),
    outcome: "satisfied",
  },
  {
    name: "an index with provenance of its own lacks a type that its platforms have",
    policy: policy({ predicateTypes: [spdx] }),
    found: evidence([provenance()], {
      platforms: [platform("linux/amd64", [provenance(), sbom(signedBy(builderIdentity))])],
    }),
    outcome: "missing",
  },
  {
    name: "platforms have all types, and the index has nothing",
    policy: policy({ predicateTypes: [spdx] }),
    found: evidence([], {
      platforms: [platform("linux/amd64", [provenance(), sbom(signedBy(builderIdentity))])],
    }),
    outcome: "satisfied",
  },
  {
    name: "a nested index is judged by what hangs on it alone",
    found: evidence([], {
      platforms: [platform("nested", [], { platforms: [platform("linux/amd64", [provenance()])] })],
    }),
    outcome: "missing",
  },
];

describe.each(["off", "warn", "require"] as const)("mode %s", (mode) => {
  test.each(rows)("$name", ({ policy: given = policy(), found, outcome, why = "", level }) => {
    const verdict = judge({ ...given, mode }, found);
    if (mode === "off") return expect(verdict).toBeUndefined();
    expect(verdict).toMatchObject({ policy: "provenance", mode, outcome });
    expect(verdict?.why).toContain(why);
    const told = /level (\d)/.exec(verdict?.why ?? "")?.[1];
    expect(verdict?.level).toBe(outcome === "satisfied" ? (level ?? Number(told)) : 0);
    expect(verdict?.at).toEqual({ file: "m/p/promoter-manifest.yaml", line: 5, column: 1 });
  });
});

test("what is accepted is all that the signers say, and provenance that passes alone", () => {
  const verdict = judge(
    policy(),
    evidence([
      provenance({ manifest: "good" }),
      sbom(signedBy(builderIdentity), "sbom"),
      sbom(signedBy(other), "foreign"),
      sbom(unsigned, "unsigned"),
      provenance({ from: "git+https://github.com/example/other", manifest: "source" }),
      provenance({ by: "https://example.com/builder", manifest: "builder" }),
    ]),
  );
  expect(verdict?.accepted.map(({ manifest }) => manifest)).toEqual([
    digestNamed("good"),
    digestNamed("sbom"),
  ]);
});

test("what is accepted of an image below its level is what would be at a lower one", () => {
  const verdict = judge(levels(), evidence([provenance({ by: selfSigned })]));
  expect(verdict?.accepted).toHaveLength(1);
});

describe("which images a policy is about", () => {
  const manifest = (name: string, more: Partial<Provenance> = {}): ManifestWithProvenance => ({
    file: `${name}.yaml`,
    source: { name },
    provenance: policy(more),
  });

  test.each([
    ["the source itself and what is below it", "staging.example.com/p", 1],
    ["a repository", "staging.example.com/p/app", 1],
    ["a name that only begins alike", "staging.example.com/p/ap", 0],
    ["another project", "staging.example.com/q", 0],
  ])("%s", (_, name, count) => {
    expect(policiesFor(provenancePolicies([manifest(name)]), image)).toHaveLength(count);
  });

  test("all that are about an image have to be satisfied, and one source has one", () => {
    const policies = provenancePolicies([
      manifest("staging.example.com/p"),
      manifest("staging.example.com/p"),
      manifest("staging.example.com", { sources: ["github.com/example/other"] }),
    ]);
    const verdicts = evaluatePolicies(policies, image, evidence([provenance()]), now);
    expect(verdicts.map(({ outcome }) => outcome)).toEqual(["satisfied", "failed"]);
  });
});
