import fc from "fast-check";
import { expect, test } from "vitest";
import { addToImages, type ImageAddition, ManifestEditError } from "../../src/manifest/index.ts";
import { parseDigest, parseTag } from "../../src/oci/index.ts";
import { edgeKey, imageEdges } from "./image-edges.ts";

const names = ["bar", "foo", "foo/sub", "goo", "null", "zed"] as const;
const tags = [
  "1.0",
  "1.10",
  "1.9",
  "v1.0.0-rc.1",
  "v1.0.0",
  "yes",
  "2020-01-01",
  "0x1f",
  "latest",
  "a_b",
  "00",
] as const;
const digests = [..."0123456789abcdef"].map((digit) => parseDigest(`sha256:${digit.repeat(64)}`));

const someTags = fc.uniqueArray(fc.constantFrom(...tags), { maxLength: 3 });
const someEntries = fc.uniqueArray(fc.tuple(fc.constantFrom(...digests), someTags), {
  maxLength: 5,
  selector: ([digest]) => digest,
});
const someBlocks = fc.array(fc.tuple(fc.constantFrom(...names), someEntries), { maxLength: 7 });

const quotes = fc.constantFrom("", "'", '"');
const someStyle = fc.record({
  key: quotes,
  tag: quotes,
  list: fc.constantFrom("flow", "block", "either"),
  separator: fc.constantFrom(",", ", ", " , "),
  padding: fc.constantFrom("", " "),
  dash: fc.integer({ min: 0, max: 3 }),
  indent: fc.integer({ min: 0, max: 2 }),
  keyIndent: fc.integer({ min: 2, max: 4 }),
  entryIndent: fc.integer({ min: 1, max: 5 }),
  empty: fc.constantFrom("[]", "", "[ ]"),
  comments: fc.array(fc.constantFrom("", "", "", "# c", "  # deep", "    # deeper"), {
    minLength: 5,
    maxLength: 5,
  }),
  lineBreak: fc.constantFrom("\n", "\r\n"),
  finalNewline: fc.boolean(),
  mark: fc.constantFrom("", "\uFEFF"),
  flowBlocks: fc.boolean(),
  header: fc.constantFrom("", "# header", "---"),
});
type Style = typeof someStyle extends fc.Arbitrary<infer T> ? T : never;
type Blocks = typeof someBlocks extends fc.Arbitrary<infer T> ? T : never;

/** Writes a list of images in a style, at times an odd one. */
function written(blocks: Blocks, style: Style): string {
  const lines: string[] = style.header === "" ? [] : [style.header];
  let comment = 0;
  const remark = () => {
    const text = style.comments[comment++ % style.comments.length] ?? "";
    if (text !== "") lines.push(text);
  };
  for (const [at, [name, entries]] of blocks.entries()) {
    const quoted = name === "null" ? '"null"' : name;
    const dash = `${" ".repeat(style.indent)}-${" ".repeat(style.keyIndent - 1)}`;
    const column = " ".repeat(style.indent + style.keyIndent);
    remark();
    if (style.flowBlocks && at % 2 === 1) {
      const all = entries.map(
        ([digest, list]) => `"${digest}": [${list.map((tag) => `"${tag}"`).join(style.separator)}]`,
      );
      lines.push(`${dash}{name: ${quoted}, dmap: {${all.join(", ")}}}`);
      continue;
    }
    lines.push(`${dash}name: ${quoted}`, `${column}dmap:`);
    for (const [index, [digest, list]] of entries.entries()) {
      if (index % 3 === 1) remark();
      lines.push(...entryLines(`${column}${" ".repeat(style.entryIndent)}`, digest, list, style, index));
    }
  }
  const text = lines.join(style.lineBreak);
  return style.mark + text + (style.finalNewline && text !== "" ? style.lineBreak : "");
}

function entryLines(
  indent: string,
  digest: string,
  list: readonly string[],
  style: Style,
  index: number,
): string[] {
  const key = `${indent}${style.key}${digest}${style.key}:`;
  if (list.length === 0) return [style.empty === "" ? key : `${key} ${style.empty}`];
  const quoted = list.map((tag) => `${style.tag}${tag}${style.tag}`);
  const inLines = style.list === "block" || (style.list === "either" && index % 2 === 0);
  if (inLines) return [key, ...quoted.map((tag) => `${indent}${" ".repeat(style.dash)}- ${tag}`)];
  return [`${key} [${style.padding}${quoted.join(style.separator)}${style.padding}]`];
}

const someAdditions = fc.array(
  fc.record({
    image: fc.constantFrom(...names, "new", "aaa"),
    digest: fc.constantFrom(...digests),
    tags: someTags.map((all) => all.map(parseTag)),
  }),
  { minLength: 1, maxLength: 4 },
);

/** What the text has to say once the additions are in: one edge for each tag, one for each digest without any. */
function union(text: string, additions: readonly ImageAddition[]): Set<string> {
  const edges = [...imageEdges(text).map(edgeKey), ...additions.flatMap(keysOf)];
  const tagged = new Set(
    edges.filter((key) => !key.endsWith(":")).map((key) => key.slice(0, key.lastIndexOf(":"))),
  );
  return new Set(edges.filter((key) => !(key.endsWith(":") && tagged.has(key.slice(0, -1)))));
}

function keysOf({ image, digest, tags: all }: ImageAddition): string[] {
  return (all.length === 0 ? [""] : all).map((tag) => edgeKey({ image, digest, tag }));
}

/** Whether some tag would stand at two digests of one image that did not before, which has to be refused. */
function collides(text: string, additions: readonly ImageAddition[]): boolean {
  const present = new Set(imageEdges(text).map(edgeKey));
  const wanted = additions.flatMap(({ image, digest, tags: all }) =>
    all.map((tag) => ({ image, digest, tag })),
  );
  const listed = [...imageEdges(text).filter((edge) => edge.tag !== ""), ...wanted];
  return wanted.some(
    (edge) =>
      !(present.has(edgeKey(edge)) && wanted.every((other) => other === edge || !clash(edge, other))) &&
      listed.some((other) => clash(edge, other)),
  );
}

type Edge = { image: string; digest: string; tag: string };
function clash(a: Edge, b: Edge): boolean {
  return a.image === b.image && a.tag === b.tag && a.digest !== b.digest;
}

/** Whether the lines of `before` all stand in `after`, in their order. */
function isSubsequence(before: readonly string[], after: readonly string[]): boolean {
  let at = 0;
  for (const line of after) if (line === before[at]) at += 1;
  return at === before.length;
}

/** What an edit may not touch: the text without the blanks in empty brackets. */
function characters(text: string): string[] {
  return [...text.replaceAll("[ ]", "[]")];
}

/** Lines as editors show them. */
function linesOf(text: string): string[] {
  return text.replace("\uFEFF", "").split(/\r?\n/);
}

test("whatever the style, the result is the input and the additions, and nothing of the input is gone", () => {
  fc.assert(
    fc.property(someBlocks, someStyle, someAdditions, (blocks, style, additions) => {
      const text = written(blocks, style);
      if (collides(text, additions)) {
        expect(() => addToImages(text, additions)).toThrow(ManifestEditError);
        return;
      }
      const edit = addToImages(text, additions);
      expect(union(edit.text, [])).toEqual(union(text, additions));
      expect(isSubsequence(characters(text), characters(edit.text))).toBe(true);
      const lines = linesOf(edit.text);
      const untouched = new Set(lines.filter((_, at) => !edit.changedLines.includes(at + 1)));
      const gone = linesOf(text).filter((line) => line !== "" && !untouched.has(line));
      expect(gone.length).toBeLessThanOrEqual(edit.changedLines.length);
      expect(edit.text.includes("\r")).toBe(text.includes("\r"));
      if (text.replace("\uFEFF", "") !== "") expect(edit.text.endsWith("\n")).toBe(text.endsWith("\n"));
      expect(addToImages(edit.text, additions)).toMatchObject({ text: edit.text, added: [] });
      for (const edge of [...edit.added, ...edit.present]) {
        expect(lines[edge.line - 1]).toContain(edge.tag ?? edge.digest);
      }
    }),
    { numRuns: 1_000 },
  );
}, 60_000);
