import { describe, expect, it } from "vitest";
import { entries, quirksOf } from "../../src/registry/host/quirks.ts";

const usual = { upload: "whole", chunks: true, mounts: true, mountsOnlyCommitted: false, singlePost: false };

describe("quirks", () => {
  it.each([
    "docker.io",
    "registry.example.com",
    "localhost:5000",
    "127.0.0.1:5000",
    "notgcr.io",
    "gcr.io.example.com",
    "ghcr.io.example.com",
    "azurecr.io",
    "dkr.ecr.us-east-1.amazonaws.com.example.com",
  ])("are none of %s", (host) => {
    expect(quirksOf(host)).toEqual(usual);
  });

  it.each([
    ["gcr.io", { chunks: false }],
    ["eu.gcr.io", { chunks: false }],
    ["europe-west4-docker.pkg.dev", { chunks: false }],
    ["us-docker.pkg.dev:443", { chunks: false }],
    ["ghcr.io", { chunks: false }],
    ["012345678901.dkr.ecr.eu-central-1.amazonaws.com", { chunks: false, mountsOnlyCommitted: true }],
    ["012345678901.dkr.ecr.cn-north-1.amazonaws.com.cn", { chunks: false, mountsOnlyCommitted: true }],
    ["012345678901.dkr.ecr-fips.us-gov-west-1.amazonaws.com", { chunks: false, mountsOnlyCommitted: true }],
    ["012345678901.dkr-ecr.us-west-2.on.aws", { chunks: false, mountsOnlyCommitted: true }],
    ["public.ecr.aws", { chunks: false }],
    ["team.azurecr.io", { maxBodyBytes: 16777216 }],
    ["registry.team.workers.dev", { maxBodyBytes: 99614720 }],
    ["quay.io", { singlePost: true }],
  ])("are known of %s", (host, quirks) => {
    expect(quirksOf(host)).toEqual({ ...usual, ...quirks });
  });

  it("are what the settings say, where they say it", () => {
    expect(quirksOf("us-docker.pkg.dev", { chunkBytes: 65536, upload: "one-patch" })).toEqual({
      ...usual,
      upload: "one-patch",
      maxBodyBytes: 65536,
    });
    expect(quirksOf("team.azurecr.io", { chunkBytes: 65536 }).maxBodyBytes).toBe(65536);
  });

  it("are each written somewhere", () => {
    for (const { sources } of entries) {
      expect(sources.length).toBeGreaterThan(0);
      for (const source of sources) expect(new URL(source).protocol).toBe("https:");
    }
  });
});
