// biome-ignore-all lint/suspicious/noTemplateCurlyInString: parameter expansions are what is tested
import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyExpansion, parseExpansion } from "../../src/cloudbuild/expansion.ts";
import { testWith } from "../support/programs.ts";

/** What `${X…}` gives here; `undefined` for what cannot be made. */
function made(value: string | undefined, expansion: string): string | undefined {
  const parsed = parseExpansion(expansion);
  if (parsed === undefined) return undefined;
  const result = applyExpansion(parsed, value, (word) => word);
  return typeof result === "string" ? result : undefined;
}

/** What bash makes of each case, in one process; `undefined` where it gives up. */
function bash(cases: readonly (readonly [string, string])[]): (string | undefined)[] {
  const script = cases
    .map(
      ([value, expansion]) =>
        `( X='${value}'; printf '%s' "\${X${expansion}}"; printf '\\1ok' ); printf '\\2'`,
    )
    .join("\n");
  const { stdout } = spawnSync("bash", ["-s"], {
    input: `shopt -u patsub_replacement 2>/dev/null\n${script}\n`,
    env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout
    .split("\u0002")
    .slice(0, -1)
    .map((text) => (text.endsWith("\u0001ok") ? text.slice(0, -3) : undefined));
}

/** Signs that both know alike; no quotes, which bash takes off, and no expansions within. */
const signs = ["a", "b", "c", "A", "B", "1", "2", "-", ".", "_", " ", "é", "É", "😀", "v"];
const value = fc
  .array(fc.constantFrom(...signs, "/", "*", "[", "]", "?"), { maxLength: 12 })
  .map((all) => all.join(""));
const pattern = fc
  .array(
    fc.constantFrom(
      ...signs,
      "*",
      "*",
      "?",
      "[ab]",
      "[!ab]",
      "[^a-c]",
      "[a-c]",
      "[]a]",
      "[a-]",
      "[[:digit:]]",
      "[![:digit:]]",
      "[[:alpha:][:digit:]]",
      "[[:upper:]]",
      "[[:lower:]]",
      "[[:space:]]",
      "[[:punct:]]",
      "[[:alnum:]_]",
      "[[:xdigit:]]",
      "\\*",
      "\\?",
      "\\[",
    ),
    { maxLength: 6 },
  )
  .map((all) => all.join(""));
// Bash 5.2 mistakes the length of a pattern with a star before an escaped sign where it replaces, and changes nothing.
const replaceable = pattern.filter((text) => !/\*.*\\/.test(text));
const word = fc.array(fc.constantFrom(...signs), { maxLength: 5 }).map((all) => all.join(""));
const number = fc.integer({ min: -14, max: 14 }).map((of) => (of < 0 ? ` ${of}` : String(of)));

const expansion = fc.oneof(
  number.map((offset) => `:${offset}`),
  fc.tuple(number, number).map(([offset, length]) => `:${offset}:${length.trim()}`),
  fc
    .tuple(fc.constantFrom("^", "^^", ",", ",,"), fc.oneof(fc.constant(""), pattern))
    .map((all) => all.join("")),
  fc.tuple(fc.constantFrom("#", "##", "%", "%%"), pattern).map((all) => all.join("")),
  fc
    .tuple(fc.constantFrom("/", "//", "/#", "/%"), replaceable, fc.constant("/"), word)
    .map((all) => all.join("")),
  fc.tuple(fc.constantFrom("/", "//"), replaceable).map((all) => all.join("")),
  fc.tuple(fc.constantFrom(":-", ":+", "-", "+"), word).map((all) => all.join("")),
);

describe("parameter expansions", () => {
  testWith("bash")("are those of bash", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(value, expansion), { minLength: 300, maxLength: 300 }), (cases) => {
        const expected = bash(cases);
        const found = cases.map(([text, operation]) => made(text, operation));
        const wrong = cases.flatMap((one, index) =>
          expected[index] === found[index] ? [] : [{ one, bash: expected[index], here: found[index] }],
        );
        expect(wrong.slice(0, 5)).toEqual([]);
        expect(expected.filter((text) => text !== undefined).length).toBeGreaterThan(250);
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });

  test.each([
    ["v20220510-v1.24.0", ":10", "v1.24.0"],
    ["abc", ": -2", "bc"],
    ["abc", ":(-2)", "bc"],
    ["abc", ":1:-1", "b"],
    ["abc", ":0:0", ""],
    ["abc", ":4", ""],
    ["abc", ": -4", ""],
    ["abc", ":2:-2", undefined],
    ["abc", ":08", undefined],
    ["abc", "::2", "ab"],
    ["straße", "^^", "STRAßE"],
    ["ABC", ",[A]", "aBC"],
    ["a.tar.gz", "%.*", "a.tar"],
    ["a.tar.gz", "%%.*", "a"],
    ["refs/heads/main", "##*/", "main"],
    ["refs/heads/main", "#*/", "heads/main"],
    ["a/b/c", "//\\//-", "a-b-c"],
    ["a/b/c", "/\\//\\/\\/", "a//b/c"],
    ["abc", "/#/x", "xabc"],
    ["abc", "/%/x", "abcx"],
    ["abc", "///x", "abc"],
    ["a/b/c", "///", "abc"],
    ["a/b/c", "////x", "axbxc"],
    ["abc", "//*/x", "x"],
    ["x[y", "/[/-", "x-y"],
    ["", ":-a\\}b", "a}b"],
    ["", "-a", ""],
    [undefined, "-a", "a"],
    [undefined, "+a", ""],
    ["", "+a", "a"],
    ["", ":+a", ""],
    ["abc", "@Q", undefined],
    ["abc", ":=x", undefined],
    ["abc", ":?x", undefined],
    ["abc", ":", undefined],
    ["abc", "", undefined],
  ])("of %o with %o is %o", (text, operation, expected) => {
    expect(made(text, operation)).toBe(expected);
  });

  test("count code points, and keep halves of them", () => {
    expect(made("😀é\uD800x", ":1")).toBe("é\uD800x");
    expect(made("😀😀", "#?")).toBe("😀");
  });

  test("take no more steps than pattern times value, where backtracking would never end", () => {
    const long = "a".repeat(4000);
    for (const operation of ["#", "##", "%", "%%", "/", "//", "/#", "/%"]) {
      const hostile = `${operation}${"*a".repeat(500)}b${operation.startsWith("/") ? "/x" : ""}`;
      expect(made(long, hostile)).toBe(long);
    }
    expect(made(long, "//a/")).toBe("");
  });
});
