import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import type { Diagnostic } from "../../src/diagnostics/index.ts";
import { edgesOf, findOverlaps } from "../../src/edges/index.ts";
import { parseImages, parseRegistries } from "../../src/manifest/index.ts";
import { describeShared } from "../support/shared.ts";

/** For each real file that broke something once: how much of it stands, and what is said about it. */
const expectations: Readonly<Record<string, { stands: string; told: string[] }>> = {
  "bad-digest/260fefd54954": {
    stands: "24 blocks, 568 digests",
    told: ["96:5 invalid-digest", "463:5 invalid-digest"],
  },
  "bad-digest/540c3fd091b4": { stands: "26 blocks, 297 digests", told: ["207:5 invalid-digest"] },
  "bad-tag/731ffad3689b": { stands: "2 blocks, 47 digests", told: ["34:81 invalid-tag"] },
  "block-style-tags/5a21cb48281f": { stands: "1 blocks, 4 digests", told: [] },
  "comment-only-null-doc/298a1a40cb6c": { stands: "0 blocks, 0 digests", told: [] },
  "crlf/98df3183095f": { stands: "1 blocks, 1 digests", told: [] },
  "dmap-null/38fd93aedc43": { stands: "1 blocks, 0 digests", told: ["2:8 missing-dmap"] },
  "duplicate-digest-key/929d220f4683": { stands: "2 blocks, 104 digests", told: ["102:5 duplicate-digest"] },
  "duplicate-image-names/4b37ed24fa47": {
    stands: "6 blocks, 6 digests",
    told: ["13:3 duplicate-image", "16:3 duplicate-image", "19:3 duplicate-image"],
  },
  "duplicate-registry/361a1edad751": { stands: "22 destinations", told: ["47:3 duplicate-registry"] },
  "image-without-dmap/1cab0a80ec7f": { stands: "1 blocks, 0 digests", told: ["1:3 missing-dmap"] },
  "latest-tag/279396002e03": { stands: "1 blocks, 2 digests", told: ["3:91 latest-tag"] },
  "no-final-newline/c9f1a5b7e9f8": { stands: "0 blocks, 0 digests", told: [] },
  "same-tag-two-digests/8907ca297145": { stands: "13 blocks, 282 digests", told: ["150:5 invalid-digest"] },
  "typo-registry-key/155467092dad": {
    stands: "21 destinations",
    told: ["14:3 unknown-key", "47:3 duplicate-registry"],
  },
  "unquoted-digest-key/4d59e2156b90": { stands: "1 blocks, 1 digests", told: [] },
  "unquoted-float-tag/864a375f602c": { stands: "1 blocks, 1 digests", told: [] },
  "yaml-parse-error/41031a950e14": { stands: "nothing", told: ["20:1 yaml-syntax"] },
  "zero-length/fdb7ac4359f7": { stands: "0 blocks, 0 digests", told: [] },
};

describeShared("real files that broke something once", "k8s.io/oddities", (folder) => {
  test("all of them are expected", () => {
    const names = readdirSync(folder).flatMap((kind) =>
      readdirSync(join(folder, kind)).map((commit) => `${kind}/${commit}`),
    );
    expect(names.sort()).toEqual(Object.keys(expectations).sort());
  });

  test.each(Object.entries(expectations))("%s", (name, expected) => {
    const { text, file } = theFileIn(join(folder, name));
    const { stands, diagnostics } =
      file === "images.yaml" ? imagesThatStand(text) : registriesThatStand(text);
    expect({ stands, told: diagnostics.map(({ at, code }) => `${at?.line}:${at?.column} ${code}`) }).toEqual(
      expected,
    );
  });

  test("a tag without quotes that looks like a number stays what it is", () => {
    const { text } = theFileIn(join(folder, "unquoted-float-tag/864a375f602c"));
    const tags = parseImages(text, "images.yaml").images?.flatMap(({ digests }) => digests[0]?.tags ?? []);
    expect(tags?.map(({ tag }) => tag)).toEqual(["3.3"]);
  });

  test("the tag at two digests is an overlap", () => {
    const { text } = theFileIn(join(folder, "same-tag-two-digests/8907ca297145"));
    const { images } = parseImages(text, "images.yaml");
    const at = { line: 1, column: 1 };
    const overlaps = findOverlaps(
      edgesOf([
        {
          project: "ingress-nginx",
          file: "promoter-manifest.yaml",
          imagesFile: "images.yaml",
          source: { name: "gcr.io/staging", at },
          destinations: [{ name: "us.gcr.io/prod", at }],
          images: images ?? [],
        },
      ]),
    );
    expect(
      overlaps.map(({ repositories, tag, claims }) => [
        repositories,
        tag,
        claims.map((claim) => claim.at.line),
      ]),
    ).toEqual([[["us.gcr.io/prod/kube-webhook-certgen"], "v1.4.0", [214, 225]]]);
  });
});

function theFileIn(folder: string): { text: string; file: string } {
  const path = readdirSync(folder, { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith(".yaml"),
  );
  if (path === undefined) throw new Error(`no YAML in ${folder}`);
  return { text: readFileSync(join(folder, path), "utf8"), file: basename(path) };
}

interface Standing {
  readonly stands: string;
  readonly diagnostics: readonly Diagnostic[];
}

function imagesThatStand(text: string): Standing {
  const { images, diagnostics } = parseImages(text, "images.yaml");
  if (images === undefined) return { stands: "nothing", diagnostics };
  const digests = images.reduce((sum, image) => sum + image.digests.length, 0);
  return { stands: `${images.length} blocks, ${digests} digests`, diagnostics };
}

function registriesThatStand(text: string): Standing {
  const { registries, diagnostics } = parseRegistries(text, "promoter-manifest.yaml");
  return { stands: `${registries?.destinations.length} destinations`, diagnostics };
}
