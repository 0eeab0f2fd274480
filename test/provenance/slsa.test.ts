import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BuildFacts, slsaStatement } from "../../src/provenance/index.ts";
import { provenanceOf } from "../../src/provenance/read.ts";
import { digestFor } from "../promotion/world.ts";

const digest = digestFor("snoopdb");
const base = digestFor("base");
const commit = "9afb85e".padEnd(40, "0");
const repository = "https://github.com/cncf/apisnoop";

/** The build of the founding document: snoopdb of apisnoop, as its cloudbuild.yaml says. */
const facts: BuildFacts = {
  subjects: [{ name: "gcr.io/k8s-staging-apisnoop/snoopdb", digest }],
  source: { repository, ref: "refs/heads/main", commit, isDirty: false },
  config: "apps/snoopdb/cloudbuild.yaml",
  substitutions: { _GIT_TAG: "v20210421-v0.1.0", _PULL_BASE_REF: "main" },
  platforms: ["linux/amd64"],
  engine: "buildah",
  images: [{ name: "gcr.io/k8s-testimages/gcb-docker-gcloud:v20200422", digest: base }],
  run: { job: "apisnoop-push-snoopdb-images", id: "1384977461019676672" },
  version: "0.1.0",
  startedAt: new Date("2021-04-21T21:08:53.123Z"),
  finishedAt: new Date("2021-04-21T21:14:20Z"),
};

const sourceOf = (source: Partial<BuildFacts["source"]>) =>
  provenanceOf(slsaStatement({ ...facts, source: { isDirty: false, commit, ...source } }));

describe("provenance of a build", () => {
  test("is SLSA provenance, version 1", () => {
    expect(slsaStatement(facts)).toEqual({
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ name: "gcr.io/k8s-staging-apisnoop/snoopdb", digest: { sha256: digest.slice(7) } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: {
        buildDefinition: {
          buildType: "pkg:generic/waybill#cloudbuild/v1",
          externalParameters: {
            buildConfigSource: { repository, ref: "refs/heads/main", path: "apps/snoopdb/cloudbuild.yaml" },
            substitutions: facts.substitutions,
            platforms: ["linux/amd64"],
          },
          internalParameters: { engine: "buildah" },
          resolvedDependencies: [
            { name: "source", uri: `git+${repository}@${commit}`, digest: { gitCommit: commit } },
            {
              uri: "docker://gcr.io/k8s-testimages/gcb-docker-gcloud:v20200422",
              digest: { sha256: base.slice(7) },
            },
          ],
        },
        runDetails: {
          builder: { id: "pkg:generic/waybill", version: { waybill: "0.1.0" } },
          metadata: {
            invocationId: "apisnoop-push-snoopdb-images/1384977461019676672",
            startedOn: "2021-04-21T21:08:53Z",
            finishedOn: "2021-04-21T21:14:20Z",
          },
        },
      },
    });
  });

  test("is read as what was written", () => {
    expect(provenanceOf(slsaStatement(facts), [digest])).toEqual({
      subject: digest,
      builder: "pkg:generic/waybill",
      buildType: "pkg:generic/waybill#cloudbuild/v1",
      source: `git+${repository}@${commit}`,
      commit,
      config: facts.config,
      substitutions: facts.substitutions,
      run: "apisnoop-push-snoopdb-images/1384977461019676672",
      startedAt: "2021-04-21T21:08:53Z",
      finishedAt: "2021-04-21T21:14:20Z",
      materials: [
        { uri: `git+${repository}@${commit}`, digest: `gitCommit:${commit}` },
        { uri: `docker://${facts.images[0]?.name}`, digest: base },
      ],
    });
  });

  test("says so when the source had changes that are in no commit", () => {
    expect(sourceOf({ isDirty: true })).toMatchObject({ commit, isDirty: true });
    expect(sourceOf({})).not.toHaveProperty("isDirty");
  });

  test("names where the source is by a URL, and no folder of the machine that built it", () => {
    const uri = (repository: string) => sourceOf({ repository })?.source;
    expect(uri("git@github.com:cncf/apisnoop.git")).toBe(
      `git+ssh://git@github.com/cncf/apisnoop.git@${commit}`,
    );
    expect(uri("ssh://git@example.com:22/a.git")).toBe(`git+ssh://git@example.com:22/a.git@${commit}`);
    for (const local of ["/home/me/apisnoop", "../apisnoop", "file:///home/me/apisnoop"]) {
      expect(uri(local)).toBeUndefined();
      const statement = slsaStatement({ ...facts, source: { repository: local, commit, isDirty: false } });
      expect(JSON.stringify(statement)).not.toContain(local);
    }
  });

  test("holds no secret, in a URL or in a substitution", () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9]{8,20}$/),
        fc.string(),
        fc.string(),
        (secret, before, after) => {
          const word = `S${secret}S`;
          for (const url of [
            `https://me:${word}@example.com/a`,
            `https://${word}@example.com/a`,
            `ssh://me:${word}@example.com/a`,
            `https://example.com/a?private_token=${word}`,
          ]) {
            const statement = slsaStatement({
              ...facts,
              source: { repository: url, commit, isDirty: false },
              substitutions: { _PLAIN: "x", _WITH: `${before}${word}${after}` },
              secrets: ["", word],
            });
            const text = JSON.stringify(statement);
            expect(text).not.toContain(word);
            expect(text).toContain("example.com/a");
            expect(provenanceOf(statement)?.substitutions).toEqual({ _PLAIN: "x" });
          }
        },
      ),
    );
  });
});
