import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { provenanceOf } from "../../src/inspect/index.ts";
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
    invocation: { configSource: { uri: "https://example.com/app", digest: { sha1: commit } } },
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
    const found = { builder: builder.id, source: "git+https://example.com/app@refs/heads/main", commit };
    expect(of(newer)).toEqual(found);
    expect(of(enveloped(newer))).toEqual(found);
    expect(of({ dsseEnvelope: enveloped(newer) })).toEqual(found);
    expect(of(older)).toEqual({ builder: builder.id, source: "https://example.com/app", commit });
    expect(of({ ...newer, predicate: {} })).toEqual({});
  });

  test("of another image, or of another kind, is none", () => {
    expect(provenanceOf(newer, [digestFor("other")])).toBeUndefined();
    expect(provenanceOf({ ...newer, predicateType: "https://spdx.dev/Document" }, [digest])).toBeUndefined();
    expect(provenanceOf({ ...enveloped(newer), payload: "%" }, [digest])).toBeUndefined();
  });

  test("is never anything but texts, whatever stands in a statement", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (predicate, other) => {
        const found = provenanceOf(
          { ...newer, predicate: { buildDefinition: predicate, runDetails: other } },
          [digest],
        );
        for (const text of Object.values(found ?? {})) expect(typeof text).toBe("string");
      }),
    );
  });
});
