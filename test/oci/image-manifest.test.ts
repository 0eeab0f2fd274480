import { describe, expect, test } from "vitest";
import {
  type Descriptor,
  digestOf,
  limits,
  mediaTypes,
  OciError,
  type OciErrorCode,
  readImageContent,
} from "../../src/oci/index.ts";

function bytesOf(json: unknown): Uint8Array {
  return new TextEncoder().encode(typeof json === "string" ? json : JSON.stringify(json));
}

function read(mediaType: string, json: unknown) {
  const bytes = bytesOf(json);
  return readImageContent({ descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes });
}

function codeOf(mediaType: string, json: unknown): OciErrorCode {
  try {
    read(mediaType, json);
  } catch (error) {
    if (error instanceof OciError) return error.code as OciErrorCode;
    throw error;
  }
  throw new Error("the document was accepted");
}

function descriptor(mediaType: string, text: string): Descriptor {
  const bytes = bytesOf(text);
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

const config = descriptor(mediaTypes.ociConfig, "config");
const layer = descriptor(mediaTypes.ociLayer, "layer");
const child = descriptor(mediaTypes.ociManifest, "child");
const manifest = { schemaVersion: 2, config, layers: [layer] };
const index = { schemaVersion: 2, manifests: [child] };

describe("what a document refers to", () => {
  test.each([mediaTypes.ociManifest, mediaTypes.dockerManifest])(
    "%s: config first, then layers",
    (mediaType) => {
      expect(read(mediaType, { ...manifest, mediaType })).toEqual({
        kind: "manifest",
        mediaType,
        children: [],
        blobs: [config, layer],
        annotations: {},
      });
    },
  );

  test.each([mediaTypes.ociIndex, mediaTypes.dockerList])("%s: children in their order", (mediaType) => {
    const platform = { os: "linux", architecture: "arm64", variant: "v8" };
    const other = { ...descriptor(mediaTypes.ociIndex, "other"), platform };
    expect(read(mediaType, { ...index, manifests: [child, other] })).toEqual({
      kind: "index",
      mediaType,
      children: [child, other],
      blobs: [],
      annotations: {},
    });
  });

  test("an artifact without layers, with a subject and annotations", () => {
    const empty = descriptor(mediaTypes.ociEmpty, "{}");
    const json = {
      schemaVersion: 2,
      artifactType: "application/vnd.example",
      config: empty,
      layers: null,
      subject: child,
      annotations: { a: "b" },
    };
    expect(read(mediaTypes.ociManifest, json)).toMatchObject({
      blobs: [empty],
      subject: child,
      artifactType: "application/vnd.example",
      annotations: { a: "b" },
    });
  });

  test("without an artifact type, the config's media type is it, unless that is an image's", () => {
    const helm = descriptor("application/vnd.cncf.helm.config.v1+json", "helm");
    expect(read(mediaTypes.ociManifest, { ...manifest, config: helm }).artifactType).toBe(helm.mediaType);
    expect(read(mediaTypes.ociManifest, manifest).artifactType).toBeUndefined();
  });
});

describe("what is refused", () => {
  const { ociManifest, ociIndex, dockerManifest } = mediaTypes;
  test.each<[string, string, unknown, OciErrorCode]>([
    ["text that is not JSON", ociManifest, "{", "invalid-image-manifest"],
    ["JSON that is no object", ociManifest, [], "invalid-image-manifest"],
    [
      "Docker's schema 1",
      "application/vnd.docker.distribution.manifest.v1+json",
      manifest,
      "invalid-image-manifest",
    ],
    ["another schema version", ociManifest, { ...manifest, schemaVersion: 1 }, "invalid-image-manifest"],
    ["both kinds at once", ociManifest, { ...manifest, ...index }, "ambiguous-image-manifest"],
    ["both kinds, lists empty", ociIndex, { ...index, layers: [] }, "ambiguous-image-manifest"],
    ["an index served as a manifest", ociManifest, index, "invalid-image-manifest"],
    ["a manifest served as an index", ociIndex, manifest, "invalid-image-manifest"],
    ["a manifest without config", ociManifest, { schemaVersion: 2, layers: [] }, "invalid-image-manifest"],
    [
      "another media type inside",
      dockerManifest,
      { ...manifest, mediaType: ociManifest },
      "media-type-mismatch",
    ],
    [
      "a wrong digest",
      ociManifest,
      { ...manifest, config: { ...config, digest: "x" } },
      "invalid-image-manifest",
    ],
    [
      "a negative size",
      ociManifest,
      { ...manifest, config: { ...config, size: -1 } },
      "invalid-image-manifest",
    ],
    [
      "a size with a fraction",
      ociManifest,
      { ...manifest, config: { ...config, size: 1.5 } },
      "invalid-image-manifest",
    ],
    [
      "a size beyond all numbers",
      ociManifest,
      { ...manifest, config: { ...config, size: 2 ** 60 } },
      "invalid-image-manifest",
    ],
    [
      "a layer without media type",
      ociManifest,
      { ...manifest, layers: [{ ...layer, mediaType: "" }] },
      "invalid-image-manifest",
    ],
    ["more than 4 MiB", ociManifest, `${" ".repeat(limits.manifestBytes)}{}`, "too-large"],
  ])("%s", (_, mediaType, json, code) => {
    expect(codeOf(mediaType, json)).toBe(code);
  });

  test("bytes that are not UTF-8", () => {
    const bytes = Uint8Array.from([0x7b, 0xff, 0x7d]);
    const descriptor = { mediaType: ociManifest, digest: digestOf(bytes), size: bytes.length };
    expect(() => readImageContent({ descriptor, bytes }, "registry.example/a")).toThrow(OciError);
  });
});
