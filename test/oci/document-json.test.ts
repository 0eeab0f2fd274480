import { describe, expect, test } from "vitest";
import {
  digestOf,
  formatPlatform,
  limits,
  mediaTypes,
  OciError,
  readImageContent,
} from "../../src/oci/index.ts";

function read(text: string | Uint8Array, mediaType: string = mediaTypes.ociManifest) {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return readImageContent({ descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes });
}

function codeOf(text: string | Uint8Array, mediaType?: string): string {
  try {
    read(text, mediaType);
  } catch (error) {
    if (error instanceof OciError) return error.code;
    throw error;
  }
  return "accepted";
}

const digest = digestOf(Buffer.from("a"));
const other = digestOf(Buffer.from("b"));
const described = (more = "", size = "1") =>
  `{"mediaType":"application/x","digest":"${digest}","size":${size}${more}}`;
const manifest = (more = "", config = described()) =>
  `{"schemaVersion":2,"config":${config},"layers":[${described()}]${more}}`;
const index = (more = "", entry = described()) => `{"schemaVersion":2,"manifests":[${entry}]${more}}`;

describe("a document that Go reads otherwise", () => {
  test.each([
    ["layers in another case beside them", manifest(`,"Layers":[${described()}]`)],
    ["layers in another case alone", `{"schemaVersion":2,"config":${described()},"LAYERS":[]}`],
    ["layers twice", manifest(`,"layers":[]`)],
    ["the same twice, once escaped", manifest(`,"\\u006cayers":[]`)],
    ["a long s", manifest(`,"layer\u017f":[]`)],
    ["a long s, escaped", manifest(`,"layer\\u017f":[]`)],
    ["manifests of another case", manifest(`,"Manifests":[]`)],
    ["a config twice", manifest(`,"config":${described()}`)],
    ["another media type", manifest(`,"MediaType":"application/y"`)],
    ["another schema version", manifest(`,"schemaversion":1`)],
    ["another subject", manifest(`,"Subject":${described()}`)],
    ["a digest twice in a config", manifest("", described(`,"digest":"${other}"`))],
    ["a digest of another case in a config", manifest("", described(`,"Digest":"${other}"`))],
    ["a size of another case", manifest("", described(`,"SIZE":2`))],
    ["other data", manifest("", described(`,"data":"","Data":"e30="`))],
    ["other urls in a layer", manifest(`,"annotations":{}`, described(`,"URLs":["https://x"]`))],
    ["fields of schema 1 in another case", manifest(`,"FSLayers":[]`)],
  ])("%s", (_, text) => {
    expect(codeOf(text)).toBe("ambiguous-json");
  });

  test.each([
    ["manifests twice", index(`,"manifests":[]`)],
    ["manifests in another case", index(`,"Manifests":[]`)],
    ["an entry's digest", index("", described(`,"dIgEsT":"${other}"`))],
    ["an entry's platform", index("", described(`,"Platform":{"os":"linux","architecture":"amd64"}`))],
    ["a platform's os", index("", described(`,"platform":{"os":"linux","architecture":"a","OS":"windows"}`))],
    [
      "a platform's version",
      index("", described(`,"platform":{"os":"linux","architecture":"a","os.version":"1","OS.Version":"2"}`)),
    ],
  ])("in an index: %s", (_, text) => {
    expect(codeOf(text, mediaTypes.ociIndex)).toBe("ambiguous-json");
  });

  test("names the key, and what to do", () => {
    expect(() => read(manifest(`,"Layers":[]`))).toThrowError(
      expect.objectContaining({
        message: expect.stringContaining('"Layers"'),
        hint: expect.stringContaining("build it again"),
      }),
    );
  });
});

test.each([
  ["annotations that differ in case", manifest(`,"annotations":{"a":"1","A":"2","Layers":"3","layers":"4"}`)],
  ["annotations of a layer", manifest("", described(`,"annotations":{"digest":"x","Digest":"y"}`))],
  ["fields that nobody knows", manifest(`,"x":{"layers":1,"Layers":2},"X":[],"osVersion":"1","oſversion":1`)],
  ["text that looks like keys", manifest(`,"annotations":{"a":"\\"layers\\":[],\\\\","b":"{\\"Layers\\":"}`)],
  ["numbers of fields that nobody knows", manifest(`,"x":1e3,"y":{"size":1.0}`)],
])("what all read alike is read: %s", (_, text) => {
  expect(codeOf(text)).toBe("accepted");
});

test.each([
  ["a byte order mark", Buffer.from(`\ufeff${manifest()}`)],
  ["text behind the document", manifest().concat("{}")],
  ["bytes that are no UTF-8", Buffer.concat([Buffer.from('{"'), Buffer.from([0xff]), Buffer.from('":1}')])],
  ["a size with an exponent", manifest("", described("", "1e0"))],
  ["a size with a point", manifest("", described("", "1.0"))],
  ["a size beyond what is exact", manifest("", described("", "9007199254740993"))],
  ["a schema version with a point", `{"schemaVersion":2.0,"config":${described()},"layers":[]}`],
])("what Go fails to read is refused: %s", (_, text) => {
  expect(codeOf(text)).toBe("invalid-image-manifest");
});

test("a document is nested so deep and no deeper", () => {
  const nested = (depth: number) => manifest(`,"x":${"[".repeat(depth)}${"]".repeat(depth)}`);
  expect(codeOf(nested(limits.jsonDepth - 1))).toBe("accepted");
  expect(codeOf(nested(limits.jsonDepth))).toBe("too-large");
  expect(codeOf(nested(2_000_000))).toBe("too-large");
});

test("fields of Docker's schema 1 have no place in a manifest of today", () => {
  expect(codeOf(manifest(`,"history":[]`))).toBe("ambiguous-image-manifest");
  expect(codeOf(index(`,"fsLayers":[]`), mediaTypes.ociIndex)).toBe("ambiguous-image-manifest");
});

describe("what Go leaves empty is empty", () => {
  const platformOf = (json: string) => {
    const { children } = read(index("", described(`,"platform":${json}`)), mediaTypes.ociIndex);
    return children[0]?.platform;
  };

  test.each(["{}", "null", `{"os":"","architecture":""}`, `{"os":null}`])("no platform: %s", (json) => {
    expect(platformOf(json)).toBeUndefined();
  });

  test("a part of a platform", () => {
    expect(platformOf(`{"os":"linux","variant":null}`)).toEqual({ os: "linux", architecture: "" });
    expect(formatPlatform({ os: "linux", architecture: "" })).toBe("linux");
    expect(platformOf(`{"os":"linux","architecture":"arm","variant":"v7"}`)).toEqual({
      os: "linux",
      architecture: "arm",
      variant: "v7",
    });
  });

  test("annotations, lists and types", () => {
    expect(read(manifest(`,"annotations":{"a":null,"b":"c"},"artifactType":null`))).toMatchObject({
      annotations: { a: "", b: "c" },
    });
    const entry = described(`,"annotations":{"a":null}`);
    expect(read(index(`,"annotations":null`, entry), mediaTypes.ociIndex).children).toMatchObject([
      { annotations: { a: "" } },
    ]);
    expect(read(`{"schemaVersion":2,"manifests":null}`, mediaTypes.ociIndex).children).toEqual([]);
    expect(codeOf(`{"schemaVersion":2}`, mediaTypes.ociIndex)).toBe("invalid-image-manifest");
  });
});
