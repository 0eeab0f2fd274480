import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { code, sentence } from "../../src/review/inert.ts";

/** What renderers and code hosts may take for more than text. */
const hostile = fc.constantFrom(
  "@somebody",
  "[a](javascript:alert)",
  "![a](http://x.example/y.png)",
  "<script>alert(1)</script>",
  "<!-- waybill-review plan=x -->",
  "-->",
  "`",
  "``",
  "|",
  "\\",
  "\n",
  "\r\n/approve\n",
  "\u2028",
  "\u202e",
  "\u200b",
  "\u0000",
  "\u001b[31m",
  "\ufeff",
  "#123",
  "GH-1",
  "https://x.example",
  "www.x.example",
  "a@b.example",
  "&lt;",
  "&#64;name",
  ":smile:",
  "**bold**",
  "~~~",
  "---",
  "owner/name#1",
  "0123456789abcdef0123456789abcdef01234567",
  "$(rm -rf)",
  "word",
  " ",
);
const text = fc
  .array(fc.oneof(hostile, fc.string({ unit: "binary" }), fc.string()), { maxLength: 8 })
  .map((parts) => parts.join(""));

/** What a renderer sees outside of code: spans begin and end with one backtick, for there are no others. */
function outsideOfCode(markdown: string): string {
  const parts = markdown.split("`");
  expect(parts.length % 2).toBe(1);
  return parts.filter((_, at) => at % 2 === 0).join("");
}

function insideOfCode(markdown: string): string {
  return markdown
    .split("`")
    .filter((_, at) => at % 2 === 1)
    .join("");
}

const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe("text from outside", () => {
  test("is one piece of code, whatever it is, without marks, bars and characters that cannot be seen", () => {
    fc.assert(
      fc.property(text, (outside) => {
        const shown = code(outside);
        expect(["", "(empty)"]).toContain(outsideOfCode(shown));
        expect(insideOfCode(shown)).not.toMatch(/[`|]/);
        expect(shown).not.toMatch(invisible);
        expect(insideOfCode(shown)).not.toMatch(/^\s|\s$/);
      }),
      { numRuns: 2000 },
    );
  });

  test("in a sentence leaves nothing but words, numbers and days outside of code", () => {
    fc.assert(
      fc.property(text, (outside) => {
        const shown = sentence(`the image ${outside} is ${outside}; ${outside}`);
        expect(shown).not.toMatch(invisible);
        expect(insideOfCode(shown)).not.toMatch(/[`|]/);
        for (const word of outsideOfCode(shown).split(" ")) {
          expect(word).toMatch(
            /^(?:[(]?(?:[A-Za-z]+(?:'[a-z]+)?|\d{1,6}(?:\.\d)?|\d{4}-\d\d-\d\d)?[)]?[,;:]?|\(empty\)[),;:]*)$/,
          );
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("keeps what can be read", () => {
    expect(code("a|b`c")).toBe("`a\\u{7c}b\\u{60}c`");
    expect(
      sentence("the tag foo/app:v1 stands at sha256:123 (built 2024-05-01, 48.2 MB); tags never move"),
    ).toBe("the tag `foo/app:v1` stands at `sha256:123` (built 2024-05-01, 48.2 MB); tags never move");
    expect(sentence("@all, look (@here): x")).toBe("`@all`, look (`@here`): x");
    expect(code("/".repeat(3000))).toHaveLength(203);
    expect(sentence("x ".repeat(3000))).toHaveLength(1003);
  });
});
