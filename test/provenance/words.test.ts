import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commitPage, originInWords, sourceAddress } from "../../src/provenance/index.ts";

const commit = "9afb85e".padEnd(40, "0");

describe("what built an image, in words", () => {
  test("says as much as is known", () => {
    const source = "git+https://github.com/cncf/apisnoop@refs/heads/main";
    const builder = "https://example.com/builder";
    expect(originInWords({ commit, source, run: "push/1", builder })).toBe(
      "built from 9afb85e00000 of https://github.com/cncf/apisnoop by run push/1",
    );
    expect(originInWords({ commit, source, isDirty: true, run: "push/1" })).toBe(
      "built from 9afb85e00000 of https://github.com/cncf/apisnoop, with changes that are in no commit, by run push/1",
    );
    expect(originInWords({ commit, builder })).toBe(`built from 9afb85e00000 by ${builder}`);
    expect(originInWords({ source })).toBe("built from https://github.com/cncf/apisnoop");
    expect(originInWords({ run: "push/1" })).toBe("built by run push/1");
    expect(originInWords({})).toBeUndefined();
  });

  test("says who signed it, where that was verified", () => {
    const verifiedBy = "the key release";
    expect(originInWords({ commit, run: "push/1", verifiedBy })).toBe(
      "built from 9afb85e00000 by run push/1, verified: signed by the key release",
    );
    expect(originInWords({ run: "push/1", verifiedBy })).toBe(
      "built by run push/1, verified: signed by the key release",
    );
    expect(originInWords({ verifiedBy })).toBeUndefined();
  });

  test("names a source without what stands beside its address", () => {
    const pairs = [
      [`git+https://github.com/a/b@${commit}`, "https://github.com/a/b"],
      ["git+ssh://git@example.com/a/b.git@refs/tags/v1", "ssh://git@example.com/a/b.git"],
      ["https://github.com/a/b", "https://github.com/a/b"],
      ["pkg:github/a/b@v1", "pkg:github/a/b@v1"],
    ];
    for (const [source = "", address] of pairs) expect(sourceAddress(source)).toBe(address);
  });
});

describe("the page of a commit", () => {
  const pageOf = (source: string) => commitPage({ source, commit });

  test("is known on forges that are known by name", () => {
    const github = `https://github.com/cncf/apisnoop/commit/${commit}`;
    for (const end of ["", ".git", "/", "@refs/heads/main", `.git@${commit}`]) {
      expect(pageOf(`git+https://github.com/cncf/apisnoop${end}`)).toBe(github);
    }
    expect(pageOf("https://gitlab.com/a/b/c")).toBe(`https://gitlab.com/a/b/c/-/commit/${commit}`);
    expect(pageOf("https://codeberg.org/a/b")).toBe(`https://codeberg.org/a/b/commit/${commit}`);
  });

  test("is none of anything else", () => {
    for (const source of [
      "https://example.com/a/b",
      "http://github.com/a/b",
      "ssh://git@github.com/a/b",
      "https://github.com.example.com/a/b",
      "https://me@github.com/a/b",
      "https://github.com:8443/a/b",
      "https://github.com/a",
      "https://github.com/a/../b",
      "https://github.com/a/b?x=1",
      "https://github.com/a/b#x",
      "https://github.com/a/b)[x](https://example.com",
      "https://github.com/a/b c",
      `https://github.com/a/${"b".repeat(300)}`,
    ]) {
      expect(pageOf(source)).toBeUndefined();
    }
    expect(commitPage({ source: "https://github.com/a/b", commit: "main" })).toBeUndefined();
    expect(commitPage({ source: "https://github.com/a/b" })).toBeUndefined();
  });

  test("is never anything that Markdown or HTML could take for something else", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (rest) => {
        const page = pageOf(`https://github.com/a/b${rest}`);
        if (page !== undefined) expect(page).toMatch(/^https:\/\/github\.com\/[\w./-]+$/);
      }),
      { numRuns: 2000 },
    );
  });
});
