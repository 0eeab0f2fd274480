import fc from "fast-check";
import { expect, test } from "vitest";
import type { Diagnostic } from "../../src/diagnostics/index.ts";
import {
  diagnosticCodes,
  parseImages,
  parsePlainManifest,
  parseRegistries,
} from "../../src/manifest/index.ts";
import { isDigest, isTag, parseRepository } from "../../src/oci/index.ts";
import { digestOfWord } from "./findings.ts";

const a = digestOfWord("a");

/** Text out of the pieces that manifests are made of, put together well and badly. */
const manifestLike = fc
  .array(
    fc.constantFrom(
      "registries:\n",
      "images:\n",
      "imagesPath: x\n",
      "- name: gcr.io/foo\n",
      "- name: us.gcr.io/prod\n",
      "  src: true\n",
      "  src: 1\n",
      "  service-account: x\n",
      "- name: foo\n",
      "- name: foo/bar\n",
      "- name: Foo\n",
      "  dmap:\n",
      `    "${a}": ["1.0"]\n`,
      `    ${a}:\n`,
      `    "${digestOfWord("b")}": [v1, v1, ~]\n`,
      "    - 1.10\n",
      "    sha256:0: []\n",
      "  dmap: {}\n",
      "# comment\n",
      "---\n",
      "- \n",
      "  tags: [x]\n",
      "- &a\n",
      "- *a\n",
      "  <<: *a\n",
      "\r\n",
      "\t",
      "[",
      "]",
      "{",
      '"',
      "\uFEFF",
      "é\u{1F600}",
      " ",
      ": ",
    ),
    { maxLength: 25 },
  )
  .map((pieces) => pieces.join(""));

const texts = fc.oneof({ weight: 4, arbitrary: manifestLike }, fc.string({ unit: "binary" }));

function expectSound(diagnostics: readonly Diagnostic[], text: string): void {
  const lines = text.split("\n");
  let before = { line: 0, column: 0 };
  for (const { code, severity, message, file, at, related } of diagnostics) {
    expect(Object.keys(diagnosticCodes)).toContain(code);
    expect(severity).toBe(diagnosticCodes[code as keyof typeof diagnosticCodes].severity);
    expect(message).not.toMatch(/\p{Cc}/u);
    expect(file).toBe("x.yaml");
    if (at === undefined) throw new Error("no place");
    expectWithin(at, lines);
    for (const other of related ?? []) if (other.at) expectWithin(other.at, lines);
    expect(at.line > before.line || (at.line === before.line && at.column >= before.column)).toBe(true);
    before = at;
  }
}

function expectWithin(at: { line: number; column: number }, lines: readonly string[]): void {
  const line = lines[at.line - 1];
  expect(line).toBeDefined();
  expect(at.column).toBeGreaterThanOrEqual(1);
  expect(at.column).toBeLessThanOrEqual((line ?? "").length + 1);
}

test("reading never throws; what it says has a place in the file, and what it reads is sound", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const images = parseImages(text, "x.yaml");
      const registries = parseRegistries(text, "x.yaml");
      const plain = parsePlainManifest(text, "x.yaml");
      for (const { diagnostics } of [images, registries, plain]) expectSound(diagnostics, text);
      for (const { name, digests } of [...(images.images ?? []), ...(plain.images ?? [])]) {
        parseRepository(`localhost/${name}`);
        expect(
          digests.every(({ digest, tags }) => isDigest(digest) && tags.every(({ tag }) => isTag(tag))),
        ).toBe(true);
        expect(new Set(digests.map(({ digest }) => digest)).size).toBe(digests.length);
      }
      for (const list of [registries.registries, plain.registries]) {
        if (list === undefined) continue;
        const names = [list.source, ...list.destinations].map(({ name }) => name);
        for (const name of names) parseRepository(`${name}/x`);
        expect(new Set(names).size).toBe(names.length);
      }
    }),
    { numRuns: 5000 },
  );
});

test("a text that cannot be read says why", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const images = parseImages(text, "x.yaml");
      const registries = parseRegistries(text, "x.yaml");
      const hasError = ({ diagnostics }: { diagnostics: readonly Diagnostic[] }): boolean =>
        diagnostics.some(({ severity }) => severity === "error");
      expect(images.images !== undefined || hasError(images)).toBe(true);
      expect(registries.registries !== undefined || hasError(registries)).toBe(true);
    }),
    { numRuns: 3000 },
  );
});
