import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { provenanceOf } from "../../src/provenance/read.ts";
import { digestFor } from "../promotion/world.ts";

const digest = digestFor("image");
const commit = "c".repeat(40);
const subject = [{ name: "app", digest: { sha256: digest.slice("sha256:".length) } }];
const builder = { id: "https://example.com/builder" };

const newer = {
  subject,
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: {
    buildDefinition: {
      resolvedDependencies: [
        { uri: "pkg:docker/base", digest: { sha256: "f".repeat(64) } },
        { uri: "git+https://example.com/app@refs/heads/main", digest: { gitCommit: commit } },
      ],
    },
    runDetails: { builder },
  },
};
const older = {
  subject,
  predicateType: "https://slsa.dev/provenance/v0.2",
  predicate: {
    builder,
    buildType: "https://example.com/make",
    invocation: {
      configSource: { uri: "https://example.com/app", digest: { sha1: commit }, entryPoint: "Makefile" },
    },
    metadata: {
      buildInvocationId: "7",
      buildStartedOn: "2021-04-21T21:08:53Z",
      buildFinishedOn: "2021-04-21T21:09:53Z",
    },
  },
};
const enveloped = (statement: unknown) => ({
  payloadType: "application/vnd.in-toto+json",
  payload: Buffer.from(JSON.stringify(statement)).toString("base64"),
  signatures: [],
});

describe("provenance", () => {
  test("is read in both versions, plain, in an envelope and in a bundle", () => {
    const of = (json: unknown) => provenanceOf(json, [digest]);
    const source = "git+https://example.com/app@refs/heads/main";
    const found = {
      subject: digest,
      builder: builder.id,
      source,
      commit,
      materials: [
        { uri: "pkg:docker/base", digest: `sha256:${"f".repeat(64)}` },
        { uri: source, digest: `gitCommit:${commit}` },
      ],
    };
    expect(of(newer)).toEqual(found);
    expect(of(enveloped(newer))).toEqual(found);
    expect(of({ dsseEnvelope: enveloped(newer) })).toEqual(found);
    expect(of(older)).toEqual({
      subject: digest,
      builder: builder.id,
      buildType: "https://example.com/make",
      source: "https://example.com/app",
      commit,
      config: "Makefile",
      run: "7",
      startedAt: "2021-04-21T21:08:53Z",
      finishedAt: "2021-04-21T21:09:53Z",
      materials: [{ uri: "https://example.com/app", digest: `sha1:${commit}` }],
    });
    expect(of({ ...newer, predicate: {} })).toEqual({ subject: digest });
  });

  test("of another image, or of another kind, is none", () => {
    expect(provenanceOf(newer, [digestFor("other")])).toBeUndefined();
    expect(provenanceOf(newer)).toMatchObject({ subject: digest, commit });
    expect(provenanceOf({ ...newer, predicateType: "https://spdx.dev/Document" }, [digest])).toBeUndefined();
    expect(provenanceOf({ ...enveloped(newer), payload: "%" }, [digest])).toBeUndefined();
  });

  test("reads what Cloud Build, GitHub and BuildKit call the build file and the run", () => {
    const with1 = (externalParameters: object, metadata: object) =>
      provenanceOf(
        { ...newer, predicate: { buildDefinition: { externalParameters }, runDetails: { metadata } } },
        [digest],
      );
    const substitutions = { _TAG: "v1", _LIST: ["no text"], _EMPTY: "" };
    expect(
      with1({ buildConfigSource: { path: "cloudbuild.yaml" }, substitutions }, { invocationId: "1" }),
    ).toMatchObject({ config: "cloudbuild.yaml", run: "1", substitutions: { _TAG: "v1", _EMPTY: "" } });
    expect(with1({ workflow: { path: ".github/workflows/x.yaml" } }, {})).toMatchObject({
      config: ".github/workflows/x.yaml",
    });
    expect(with1({ configSource: { path: "Dockerfile" } }, { invocationID: "k" })).toMatchObject({
      config: "Dockerfile",
      run: "k",
    });
    expect(with1({}, { startedOn: "yesterday", invocationId: 7 })).toEqual({ subject: digest });
  });

  test("is bounded, whatever stands in a statement", () => {
    const many = Array.from({ length: 5000 }, (_, at) => [`_K${at}`, "v".repeat(5000)]);
    const found = provenanceOf(
      {
        ...newer,
        predicate: {
          buildDefinition: {
            externalParameters: { substitutions: Object.fromEntries(many) },
            resolvedDependencies: many.map(([uri]) => ({ uri, digest: { sha256: "no digits" } })),
          },
        },
      },
      [digest],
    );
    expect(Object.keys(found?.substitutions ?? {})).toHaveLength(200);
    expect(found?.substitutions?._K0).toHaveLength(4000);
    expect(found?.materials).toHaveLength(200);
    expect(found?.materials?.[0]).toEqual({ uri: "_K0" });
  });

  test("is never anything but texts, whatever stands in a statement", () => {
    const textsIn = (value: unknown): unknown[] =>
      typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [value];
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (definition, details, parameters) => {
        for (const buildDefinition of [definition, { externalParameters: parameters }]) {
          const predicate = { buildDefinition, runDetails: details };
          const found = provenanceOf({ ...newer, predicate }, [digest]);
          for (const text of textsIn(found)) expect(typeof text).toBe("string");
        }
      }),
    );
  });
});
