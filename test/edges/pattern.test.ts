import fc from "fast-check";
import picomatch from "picomatch";
import { describe, expect, test } from "vitest";
import { type PatternOption, parsePatterns, SelectionError, versionReader } from "../../src/edges/index.ts";

async function matching(option: PatternOption, texts: readonly string[], names: readonly string[]) {
  const patterns = await parsePatterns(option, texts);
  return names.filter((name) => patterns.matches(name));
}

async function refusal(option: PatternOption, text: string): Promise<SelectionError> {
  const error = await parsePatterns(option, [text]).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof SelectionError) return error;
  throw error ?? new Error("nothing was thrown");
}

const tags = [
  "v1.29.9",
  "v1.30.0",
  "v1.30.1-rc.1",
  "v1.31.4",
  "1.31.5",
  "v1.32.0-alpha.1",
  "latest",
  "v1.30",
];

describe("what a pattern means", () => {
  test.each<[string, PatternOption, string[], string[]]>([
    ["a name", "--tag", ["v1.30"], ["v1.30"]],
    ["names, of which any will do", "--tag", ["latest", "v1.30.0"], ["v1.30.0", "latest"]],
    ["a glob", "--tag", ["v1.30*"], ["v1.30.0", "v1.30.1-rc.1", "v1.30"]],
    ["a glob with a choice", "--tag", ["v1.{29,31}.*"], ["v1.29.9", "v1.31.4"]],
    ["a glob that is negated", "--tag", ["!v*"], ["1.31.5", "latest"]],
    ["an expression, which fits as a whole", "--tag", ["regex:v1\\.3[01]"], ["v1.30"]],
    ["an expression with alternatives", "--tag", ["regex:latest|v1\\.30"], ["latest", "v1.30"]],
    ["versions, without pre-releases", "--tag", ["semver:>=1.30 <1.32"], ["v1.30.0", "v1.31.4", "1.31.5"]],
    ["a pre-release that the range names", "--tag", ["semver:>=1.30.1-0 <1.31"], ["v1.30.1-rc.1"]],
    ["versions, or others", "--tag", ["semver:1.29.x || ~1.31.5"], ["v1.29.9", "1.31.5"]],
    ["nothing at all: everything", "--tag", [], tags],
  ])("%s", async (_, option, texts, meant) => {
    expect(await matching(option, texts, tags)).toEqual(meant);
  });

  test("a glob stops at slashes, and two stars do not", async () => {
    const names = ["app", "app/web", "tools/app"];
    expect(await matching("--image", ["app*"], names)).toEqual(["app"]);
    expect(await matching("--image", ["app/*"], names)).toEqual(["app/web"]);
    expect(await matching("--image", ["**/app"], names)).toEqual(["app", "tools/app"]);
  });

  test("a glob with many stars means what it means to a shell, and no name keeps it busy", async () => {
    const letters = fc.constantFrom("a", "b", "-", "/", ".");
    const names = fc
      .array(letters, { minLength: 1, maxLength: 9 })
      .map((all) => all.join(""))
      .filter((name) => !/(^|[/.])[./]|[/.]$/.test(name));
    const globs = fc
      .array(fc.constantFrom("*", "**", "?", "a", "b", "-", "/", ".", "{a,b}", "[ab]", "@(a|b)", "*(a)"), {
        minLength: 4,
        maxLength: 8,
      })
      .map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(globs, fc.array(names, { maxLength: 6 }), async (text, held) => {
        fc.pre(/[*?[{(]/.test(text));
        const own = picomatch(text, { dot: true });
        expect(await matching("--image", [text], held)).toEqual(held.filter((name) => own(name)));
      }),
    );
    const busy = "a".repeat(128);
    expect(await matching("--tag", [`${"*a".repeat(12)}*b`], [busy, `${busy}b`])).toEqual([`${busy}b`]);
  });

  test("a registry whose host is an address is a name", async () => {
    const { exact } = await parsePatterns("--to", ["[::1]:5000/prod", "localhost:5000"]);
    expect([...exact]).toEqual(["[::1]:5000/prod", "localhost:5000"]);
  });

  test("the version of a chart is written with _ for its +", async () => {
    expect(await matching("--tag", ["semver:1.2.3"], ["1.2.3_build.7", "1.2.4_build.7"])).toEqual([
      "1.2.3_build.7",
    ]);
  });

  test("a negated glob means what has none of its names in it", async () => {
    const patterns = await parsePatterns("--image", ["!app"]);
    expect(patterns.matches("app", "gcr.io/staging/app")).toBe(false);
    expect(patterns.matches("web", "gcr.io/staging/web")).toBe(true);
  });
});

describe("what can mean nothing is refused", () => {
  test.each<[PatternOption, string, string]>([
    ["--tag", "1.2.3+4", "it is no tag, for tags have no +; Helm writes 1.2.3_4 for it"],
    ["--tag", "", "it is no tag"],
    ["--tag", "v1.{28..31}", "ranges in braces are not counted out"],
    ["--tag", "semver:", "there is no range behind semver:"],
    ["--tag", "semver:>=1.30 <one", '"<one" is no range of versions'],
    ["--tag", "regex:v(1", "missing closing ): `v(1`"],
    ["--tag", "regex:", "there is no expression behind regex:"],
    ["--image", "semver:1.x", "ranges of versions are for --tag"],
    ["--image", "App", "repository names are lower case"],
    ["--to", "gcr", '"gcr" is no registry host; write it out, as in docker.io/library/foo'],
    ["--digest", "sha256:12", "it has 2 hexadecimal digits, sha256 has 64"],
    ["--project", "", "it is empty"],
  ])("%s %s", async (option, text, why) => {
    const { code, message, where } = await refusal(option, text);
    expect(code).toBe("invalid-pattern");
    expect(message).toBe(`${option} ${JSON.stringify(text)} can match nothing: ${why}`);
    expect(where).toBe(option);
  });
});

describe("properties", () => {
  const word = fc.stringMatching(/^[a-z0-9](?:[._-]?[a-z0-9]){0,6}$/);
  const literally = (text: string): string => text.replace(/[.\\+*?()|[\]{}^$-]/g, "\\$&");

  test("a name, its expression and its glob mean this name alone", async () => {
    await fc.assert(
      fc.asyncProperty(word, word, async (name, other) => {
        for (const text of [name, `regex:${literally(name)}`, `{${name},no such tag}`]) {
          const patterns = await parsePatterns("--tag", [text]);
          expect(patterns.matches(name)).toBe(true);
          expect(patterns.matches(other)).toBe(other === name);
          expect(patterns.matches(`${name}x`)).toBe(false);
          expect(patterns.matches(`x${name}`)).toBe(false);
        }
      }),
    );
  });

  test("several values mean what any of them means, and a negated glob all others", async () => {
    const value = fc.oneof(
      word,
      word.map((text) => `${text}*`),
      word.map((text) => `regex:${literally(text)}.*`),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(value, { minLength: 1, maxLength: 4 }),
        word,
        word,
        async (values, name, glob) => {
          const single = await Promise.all(values.map((text) => parsePatterns("--tag", [text])));
          const all = await parsePatterns("--tag", values);
          expect(all.matches(name)).toBe(single.some((one) => one.matches(name)));
          const [is, isNot] = [`${glob}*`, `!${glob}*`].map((text) => parsePatterns("--tag", [text]));
          expect((await isNot)?.matches(name)).toBe(!(await is)?.matches(name));
        },
      ),
    );
  });

  test("no text at all does anything but being read or refused", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<PatternOption>("--project", "--image", "--tag", "--to"),
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `regex:${text}`),
          fc.string().map((text) => `semver:${text}`),
        ),
        fc.string(),
        async (option, text, name) => {
          const patterns = await parsePatterns(option, [text]).catch((error: unknown) => error);
          if (patterns instanceof SelectionError) expect(patterns.code).toBe("invalid-pattern");
          else expect(typeof (patterns as { matches(name: string): boolean }).matches(name)).toBe("boolean");
        },
      ),
    );
  });

  test("a version fits the range between its neighbors, whatever is in front", async () => {
    const versionOf = await versionReader();
    const number = fc.nat({ max: 99 });
    await fc.assert(
      fc.asyncProperty(number, number, number, fc.constantFrom("", "v"), async (major, minor, patch, v) => {
        const tag = `${v}${major}.${minor}.${patch}`;
        const next = `${major}.${minor}.${patch + 1}`;
        expect(await matching("--tag", [`semver:>=${tag} <${next}`], [tag, next, `${tag}-rc.1`])).toEqual([
          tag,
        ]);
        expect(versionOf(tag)?.compare(next)).toBe(-1);
        expect(versionOf(`${v}${major}.${minor}`)).toBeUndefined();
      }),
    );
  });
});
