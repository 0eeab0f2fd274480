import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/diagnostics/index.ts";
import { checkTree } from "../../src/edges/index.ts";
import { parseImages, parsePlainManifest, parseRegistries } from "../../src/manifest/index.ts";

const reference = readFileSync(join(import.meta.dirname, "../../docs/manifest-reference.md"), "utf8");
const [formats = "", findings = ""] = reference.split("\n## Findings\n");

interface Example {
  readonly file: string;
  readonly text: string;
}

function examplesIn(markdown: string): Example[] {
  return [...markdown.matchAll(/^```yaml (\S+)\n(.*?)^```$/gms)].map(([, file = "", text = ""]) => ({
    file,
    text,
  }));
}

function diagnose({ file, text }: Example): readonly Diagnostic[] {
  if (file === "images.yaml") return parseImages(text, file).diagnostics;
  if (file === "promoter-manifest.yaml") return parseRegistries(text, file).diagnostics;
  const { registries, images, diagnostics } = parsePlainManifest(text, file);
  if (registries === undefined || images === undefined) return diagnostics;
  const manifest = { project: file, file, imagesFile: file, ...registries, images };
  return checkTree({ path: file, manifests: [manifest], diagnostics, unreadable: [] }).diagnostics;
}

/** Lines of an example that end in a comment, each with the code that it names. */
function foundIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line, index) => {
    const [, code] = / # (\S+)$/.exec(line) ?? [];
    return code === undefined ? [] : [`${index + 1} ${code}`];
  });
}

describe("the manifest reference", () => {
  test("shows manifests in which there is nothing to find", () => {
    const examples = examplesIn(formats);
    expect(examples.map(({ file }) => file)).toEqual([
      "promoter-manifest.yaml",
      "images.yaml",
      "plain.yaml",
      "promoter-manifest.yaml",
    ]);
    expect(examples.flatMap(diagnose)).toEqual([]);
  });

  test.each(examplesIn(findings))("says of $file what is found in it, and at which lines", (example) => {
    const found = diagnose(example).map(({ code, at }) => `${at?.line} ${code}`);
    expect(found.toSorted()).toEqual(foundIn(example.text).toSorted());
    expect(found.length).toBeGreaterThan(0);
  });

  test("shows what is found in each kind of file", () => {
    const kinds = ["promoter-manifest.yaml", "images.yaml", "plain.yaml"];
    expect(examplesIn(findings).map(({ file }) => file)).toEqual(kinds);
  });
});
