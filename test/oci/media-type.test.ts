import { expect, test } from "vitest";
import {
  acceptedManifests,
  bareMediaType,
  formatPlatform,
  isIndexType,
  isManifestType,
  mediaTypes,
} from "../../src/oci/index.ts";

test.each([
  [mediaTypes.ociManifest, true, false],
  [mediaTypes.dockerManifest, true, false],
  [mediaTypes.ociIndex, false, true],
  [mediaTypes.dockerList, false, true],
  [mediaTypes.ociConfig, false, false],
  ["application/vnd.docker.distribution.manifest.v1+prettyjws", false, false],
  ["", false, false],
])("%s is a manifest: %s, an index: %s", (mediaType, manifest, index) => {
  expect([isManifestType(mediaType), isIndexType(mediaType)]).toEqual([manifest, index]);
  if (manifest || index) expect(acceptedManifests.split(", ")).toContain(mediaType);
});

test("whatever a tag may stand for is asked for, images first", () => {
  const accepted = acceptedManifests.split(", ");
  expect(accepted.at(-1)).toBe("*/*;q=0.1");
  for (const type of [
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
  ]) {
    expect(accepted.indexOf(type)).toBeGreaterThan(accepted.indexOf(mediaTypes.dockerManifest));
  }
});

test.each([
  ["application/JSON; charset=utf-8", "application/json"],
  [" text/plain ", "text/plain"],
  ["", ""],
  [";", ""],
])("%j without parameters is %j", (header, bare) => {
  expect(bareMediaType(header)).toBe(bare);
});

test("platforms are written with slashes", () => {
  expect(formatPlatform({ os: "linux", architecture: "amd64" })).toBe("linux/amd64");
  expect(formatPlatform({ os: "linux", architecture: "arm", variant: "v7" })).toBe("linux/arm/v7");
});
