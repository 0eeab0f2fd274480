import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Digest, mediaTypes, parseDigest, parseTag, type Tag } from "../../src/oci/index.ts";
import {
  emptyIndex,
  formatIndex,
  type LayoutIndex,
  listedManifests,
  parseIndex,
  withManifest,
  withoutManifest,
  withoutTag,
} from "../../src/registry/layout/index.ts";

const tags = ["v1", "v2", "v3"].map(parseTag);
const digests = ["a", "b", "c"].map((letter) => parseDigest(`sha256:${letter.repeat(64)}`));
const manifest = (digest: Digest) => ({ mediaType: mediaTypes.ociManifest, digest, size: 1 });

type Step =
  | { readonly kind: "put"; readonly digest: Digest; readonly tag: Tag | undefined }
  | { readonly kind: "untag"; readonly tag: Tag }
  | { readonly kind: "delete"; readonly digest: Digest };

const tag = fc.constantFrom(...tags);
const digest = fc.constantFrom(...digests);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("put" as const), digest, tag: fc.option(tag, { nil: undefined }) }),
  fc.record({ kind: fc.constant("untag" as const), tag }),
  fc.record({ kind: fc.constant("delete" as const), digest }),
);

function apply(index: LayoutIndex, step: Step): LayoutIndex {
  if (step.kind === "put") return withManifest(index, manifest(step.digest), step.tag);
  return step.kind === "untag" ? withoutTag(index, step.tag) : withoutManifest(index, step.digest);
}

/** What a repository is: the manifests it has, and where its tags stand. */
function applyToModel(held: Set<Digest>, tagged: Map<Tag, Digest>, step: Step): void {
  if (step.kind === "put") {
    held.add(step.digest);
    if (step.tag !== undefined) tagged.set(step.tag, step.digest);
  } else if (step.kind === "untag") tagged.delete(step.tag);
  else {
    held.delete(step.digest);
    for (const [name, at] of tagged) if (at === step.digest) tagged.delete(name);
  }
}

function tagsOf(index: LayoutIndex): Map<Tag, Digest> {
  return new Map(
    [...listedManifests(index)].flatMap(([at, { tags: names }]) => names.map((name) => [name, at])),
  );
}

describe("changes of an index.json", () => {
  test("do what they would to any repository, and survive being written", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const held = new Set<Digest>();
        const tagged = new Map<Tag, Digest>();
        let index = emptyIndex;
        for (const one of steps) {
          index = apply(index, one);
          applyToModel(held, tagged, one);
          expect(tagsOf(index)).toEqual(tagged);
          expect(new Set(listedManifests(index).keys())).toEqual(held);
        }
        const again = parseIndex(formatIndex(index), "index.json");
        expect(tagsOf(again)).toEqual(tagged);
        expect(formatIndex(again)).toEqual(formatIndex(index));
        expect(index.entries.length).toBeLessThanOrEqual(held.size + tagged.size);
      }),
    );
  });

  test("that change nothing give the same object", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), step, (steps, last) => {
        const once = [...steps, last].reduce(apply, emptyIndex);
        expect(apply(once, last)).toBe(once);
      }),
    );
  });
});
