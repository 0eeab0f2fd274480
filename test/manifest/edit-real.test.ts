import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { structuredPatch } from "diff";
import { expect, test } from "vitest";
import { addToImages, type ImagesEdit } from "../../src/manifest/index.ts";
import { isDigest, isTag } from "../../src/oci/index.ts";
import { parseYaml } from "../../src/yaml/index.ts";
import { describeShared, sharedFolder } from "../support/shared.ts";
import { asAdditions, edgeKey, imageEdges } from "./image-edges.ts";

const data = join(sharedFolder, "k8s.io");

/** Adds to `before` what `after` says beyond it; `undefined` when the real change was no pure addition. */
function replay(before: string, after: string): ImagesEdit | undefined {
  const old = new Set(imageEdges(before).map(edgeKey));
  const now = imageEdges(after);
  const kept = new Set(now.map(edgeKey));
  const added = now.filter((edge) => !old.has(edgeKey(edge)));
  // A digest that had no tags and now has some is an addition too, although its edge without tag is gone.
  const removed = [...old].filter((key) => !kept.has(key) && !key.endsWith(":"));
  if (removed.length > 0 || added.length === 0) return undefined;
  return addToImages(before, asAdditions(added));
}

/** Checks an edit: exactly the edges wanted, and no line of the old text gone but those that are said to have changed. */
function expectOnlyAdded(before: string, edit: ImagesEdit, wanted: string): void {
  expect(new Set(imageEdges(edit.text).map(edgeKey))).toEqual(new Set(imageEdges(wanted).map(edgeKey)));
  const { hunks } = structuredPatch("a", "b", before, edit.text, "", "", { context: 0 });
  const removed = hunks.flatMap((hunk) => hunk.lines).filter((line) => line.startsWith("-"));
  expect(removed.length).toBe(edit.changedLines.length);
}

function read(...path: string[]): string {
  return readFileSync(join(data, ...path), "utf8");
}

/** Counts of byte-identical results, checked against what is known, so that a loss shows. */
function summary(results: readonly boolean[]): string {
  return `${results.filter(Boolean).length} of ${results.length}`;
}

describeShared("real changes", "k8s.io", () => {
  const identical = new Map<string, boolean[]>();
  const kinds = existsSync(data) ? readdirSync(join(data, "promotions")) : [];
  const cases = kinds
    .filter((kind) => /^add-(?:one|several|with)|^new-tag|^file-created/.test(kind))
    .flatMap((kind) => readdirSync(join(data, "promotions", kind)).map((name) => ({ kind, name })));

  test.each(cases)("$kind/$name", ({ kind, name }) => {
    const folder = join("promotions", kind, name);
    const before = existsSync(join(data, folder, "before.yaml")) ? read(folder, "before.yaml") : "";
    const after = read(folder, "after.yaml");
    const meta = JSON.parse(read(folder, "meta.json")) as { edges_added: [string, string, string][] };
    const additions = asAdditions(meta.edges_added.map(([image, digest, tag]) => ({ image, digest, tag })));
    const edit = addToImages(before, additions);
    expectOnlyAdded(before, edit, after);
    identical.set(kind, [...(identical.get(kind) ?? []), edit.text === after]);
  });

  test("so many are byte for byte what people made of them", () => {
    // The two others also delete a comment of the old file.
    expect(Object.fromEntries([...identical].map(([kind, results]) => [kind, summary(results)]))).toEqual({
      "add-one": "3 of 3",
      "add-several": "3 of 3",
      "add-with-new-image-name": "1 of 3",
      "file-created": "1 of 1",
      "new-tag-on-existing-digest": "1 of 1",
    });
  });

  test("every step of every series", () => {
    const results: boolean[] = [];
    for (const tree of readdirSync(join(data, "series"))) {
      for (const project of readdirSync(join(data, "series", tree))) {
        const files = readdirSync(join(data, "series", tree, project)).filter((file) =>
          file.endsWith(".yaml"),
        );
        const versions = files.sort().map((file) => read("series", tree, project, file));
        for (const [at, after] of versions.entries()) {
          const before = versions[at - 1];
          const edit = before === undefined ? undefined : replay(before, after);
          if (before === undefined || edit === undefined) continue;
          expectOnlyAdded(before, edit, after);
          results.push(edit.text === after);
        }
      }
    }
    // Of the six others, three delete a comment, two sort the file anew, one adds without regard to its order.
    expect(summary(results)).toBe("75 of 81");
  });

  test("from one tree to the next, years later", () => {
    for (const project of readdirSync(join(data, "k8s.gcr.io", "images"))) {
      const paths = ["k8s.gcr.io", "registry.k8s.io"].map((tree) =>
        join(tree, "images", project, "images.yaml"),
      );
      const [before, after] = paths.map((path) => (existsSync(join(data, path)) ? read(path) : ""));
      if (!before || !after) continue;
      const edit = replay(before, after);
      if (edit !== undefined) expectOnlyAdded(before, edit, after);
    }
  }, 60_000);
});

describeShared("real lines", "k8s.io", () => {
  test("a line that is taken out of a real file goes back to its place", () => {
    const results: boolean[] = [];
    for (const tree of ["registry.k8s.io", "k8s.gcr.io"]) {
      for (const project of readdirSync(join(data, tree, "images"))) {
        const path = join(tree, "images", project, "images.yaml");
        if (existsSync(join(data, path))) results.push(...putBack(read(path)));
      }
    }
    const share = results.filter(Boolean).length / results.length;
    expect(results.length).toBeGreaterThan(800);
    expect(share).toBeGreaterThan(0.93);
  }, 60_000);
});

/** Takes single entries out of a file and adds them again: whether each file was as before. */
function putBack(text: string): boolean[] {
  const { root } = parseYaml(text);
  if (root?.kind !== "sequence") return [];
  const entries = root.items.flatMap((item) => {
    if (item.kind !== "mapping") return [];
    const [name, dmap] = ["name", "dmap"].map(
      (key) => item.entries.find((entry) => entry.key.value === key)?.value,
    );
    if (name?.kind !== "scalar" || dmap?.kind !== "mapping" || dmap.entries.length < 2) return [];
    return dmap.entries.map(({ key, value }) => ({ image: name.value, key, value }));
  });
  const whole = entries.flatMap(({ image, key, value }) => {
    const items = value.kind === "sequence" ? value.items : [];
    const tags = items.flatMap((tag) => (tag.kind === "scalar" && isTag(tag.value) ? [tag.value] : []));
    return isDigest(key.value) && tags.length === items.length
      ? [{ image, digest: key.value, tags, start: key.start, end: value.end }]
      : [];
  });
  const step = Math.max(1, Math.floor(whole.length / 10));
  return whole
    .filter((_, at) => at % step === 0)
    .map(({ image, digest, tags, start, end }) => {
      const without =
        text.slice(0, text.lastIndexOf("\n", start) + 1) + text.slice(text.indexOf("\n", end) + 1);
      return addToImages(without, [{ image, digest, tags }]).text === text;
    });
}
