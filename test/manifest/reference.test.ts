import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Diagnostic } from "../../src/diagnostics/index.ts";
import { checkTree } from "../../src/edges/index.ts";
import {
  diagnosticCodes,
  parseImages,
  parsePlainManifest,
  parseRegistries,
} from "../../src/manifest/index.ts";

const reference = readFileSync(join(import.meta.dirname, "../../docs/manifest-reference.md"), "utf8");
const [formats = "", findings = ""] = reference.split("\n## Findings\n");
const sections = findings
  .split(/^(?=\*\*`)/m)
  .slice(1)
  .map((section) => ({ code: /^\*\*`(.+?)`\*\*/.exec(section)?.[1] ?? "", section }));

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

describe("the manifest reference", () => {
  test("has every code once, with its severity", () => {
    expect(sections.map(({ code }) => code).toSorted()).toEqual(Object.keys(diagnosticCodes).toSorted());
    for (const { code, section } of sections) {
      const kind = diagnosticCodes[code as keyof typeof diagnosticCodes];
      expect(section.toLowerCase()).toContain(`\`** ${kind.severity}. `);
    }
  });

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

  test.each(
    sections.flatMap(({ code, section }) => examplesIn(section).map((example) => ({ code, example }))),
  )("shows $code, and Waybill reports it there", ({ code, example }) => {
    expect(diagnose(example).map((diagnostic) => diagnostic.code)).toContain(code);
  });
});
