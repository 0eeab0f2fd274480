import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readOwners } from "../../src/owners/index.ts";
import { pathPattern } from "../../src/owners/path-pattern.ts";
import { filesOf } from "./files.ts";

const read = (text: string, files: readonly string[], place = ".github/CODEOWNERS") =>
  readOwners(filesOf({ [place]: text }), files);

describe("a pattern", () => {
  it.each([
    ["*", ["a", "a/b", ".x"], []],
    ["*.js", ["a.js", "a/b.js", "a/b.js/c"], ["a.jsx", "js"]],
    ["/*.js", ["a.js"], ["a/b.js"]],
    ["/build/logs/", ["build/logs/a", "build/logs/a/b"], ["x/build/logs/a", "build/logs"]],
    ["docs/*", ["docs/a.md"], ["docs/b/a.md", "x/docs/a.md"]],
    ["docs/*.md", ["docs/a.md"], ["docs/b/a.md"]],
    ["docs/**", ["docs/a", "docs/b/a.md"], ["docs", "x/docs/a"]],
    ["apps/", ["apps/a", "x/apps/a/b"], ["apps", "xapps/a"]],
    ["/docs/", ["docs/a"], ["x/docs/a"]],
    ["/apps/github", ["apps/github", "apps/github/a"], ["apps/githubs"]],
    ["**/logs", ["logs", "build/logs", "a/b/logs/c"], ["logs2"]],
    ["a/**/b", ["a/b", "a/x/b", "a/x/y/b/c"], ["a/bb", "x/a/b"]],
    ["/scripts/?.sh", ["scripts/a.sh"], ["scripts/ab.sh", "scripts/.sh"]],
    ["a\\*b", ["a*b"], ["axb"]],
    ["Docs", ["Docs/a"], ["docs/a"]],
    ["(a+)+$", ["(a+)+$"], ["aaaa"]],
  ])("%s matches %j and not %j", (pattern, yes, no) => {
    const matches = pathPattern(pattern);
    expect([...yes, ...no].filter((path) => matches(path.split("/")))).toEqual(yes);
  });

  it("is compared in a time that does not depend on how it is made", () => {
    const matches = pathPattern(`${"*a".repeat(2000)}*b`);
    expect(matches(["a".repeat(4000)])).toBe(false);
    expect(pathPattern("**/a/".repeat(500))(Array.from({ length: 500 }, () => "b"))).toBe(false);
  });

  it("with stars means what an expression means that is made from it", () => {
    const signs = fc.stringMatching(/^[ab*?]{1,8}$/);
    fc.assert(
      fc.property(signs, fc.stringMatching(/^[ab]{1,8}$/), (pattern, name) => {
        fc.pre(!pattern.includes("**"));
        const expression = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`);
        expect(pathPattern(`/${pattern}`)([name])).toBe(expression.test(name));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("CODEOWNERS", () => {
  it("gives a file to the owners of the last line that matches", async () => {
    const text = [
      "# everything",
      "*       @global-owner1 @Global-Owner2 # a remark",
      "*.js    @js-owner",
      "/docs/  docs@Example.com @org/Writers",
      "/docs/free",
      "/with\\ blank @blank",
    ].join("\r\n");
    const files = ["a.md", "docs/b.js", "src/b.js", "docs/free", "with blank"];
    const owners = await read(text, files);
    expect(owners.ownersOf(files).map(({ approvers, by }) => [...approvers, ...by])).toEqual([
      ["global-owner1", "global-owner2", ".github/CODEOWNERS:2"],
      ["docs@example.com", "org/writers", ".github/CODEOWNERS:4"],
      ["js-owner", ".github/CODEOWNERS:3"],
      [".github/CODEOWNERS:5"],
      ["blank", ".github/CODEOWNERS:6"],
    ]);
    expect(owners.uncovered(files, ["JS-Owner", "org/writers", "global-owner1"])).toEqual([
      "docs/free",
      "with blank",
    ]);
    expect(owners.diagnostics).toEqual([]);
  });

  it("leaves out lines that mean nothing, and says so", async () => {
    const owners = await read("* @a\n!x @b\n[ab].txt @c\n*.md nobody\n", ["x", "a.txt", "r.md"]);
    expect(owners.ownersOf(["x", "a.txt", "r.md"]).map(({ approvers }) => approvers)).toEqual([
      ["a"],
      ["a"],
      [],
    ]);
    expect(owners.diagnostics.map(({ at, message }) => `${at?.line} ${message}`)).toEqual([
      '2 "!x" is no pattern',
      '3 "[ab].txt" is no pattern',
      '4 "nobody" is neither a user, nor a team, nor an address',
    ]);
  });

  it("with GitLab's sections asks each of them for approvals of its own", async () => {
    const text = [
      "* @all",
      "[Documentation][2] @docs1 @docs2",
      "docs/",
      "README.md @docs3 @docs1",
      "^[Optional]",
      "*.md @optional",
      "[documentation]",
      "docs/own @own",
    ].join("\n");
    const files = ["src/a", "docs/a", "README.md", "docs/own"];
    const owners = await read(text, files, "CODEOWNERS");
    expect(owners.ownersOf(files).map(({ needed }) => needed)).toEqual([
      [{ anyOf: ["all"], approvals: 1 }],
      [
        { anyOf: ["all"], approvals: 1 },
        { anyOf: ["docs1", "docs2"], approvals: 2 },
      ],
      [
        { anyOf: ["all"], approvals: 1 },
        { anyOf: ["docs1", "docs3"], approvals: 2 },
      ],
      [
        { anyOf: ["all"], approvals: 1 },
        { anyOf: ["own"], approvals: 2 },
      ],
    ]);
    expect(owners.uncovered(files, ["all", "docs1", "docs2"])).toEqual(["README.md", "docs/own"]);
  });

  it("counts persons, not the names that they go by", async () => {
    const owners = await read("[Docs][2]\n* @alice @org/writers @bob", ["x"]);
    expect(owners.uncovered(["x"], [["alice", "org/writers"]])).toEqual(["x"]);
    expect(owners.uncovered(["x"], ["alice", "Alice", ["@alice", "org/writers"]])).toEqual(["x"]);
    expect(owners.uncovered(["x"], ["alice", ["carol", "org/writers"]])).toEqual([]);
  });

  it.each([".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"])(
    "is found at %s",
    async (place) => {
      expect((await read("* @a", ["x"], place)).ownersOf(["x"])[0]?.by).toEqual([`${place}:1`]);
    },
  );

  it("does not count where there is an OWNERS file, nor when it cannot be read", async () => {
    const both = await readOwners(filesOf({ CODEOWNERS: "* @a", OWNERS: "approvers: [b]" }), ["x"]);
    expect(both.ownersOf(["x"])[0]?.approvers).toEqual(["b"]);
    const broken = await readOwners(
      filesOf({ ".github/CODEOWNERS": Uint8Array.of(0xff), CODEOWNERS: "* @a" }),
      ["x"],
    );
    expect(broken.uncovered(["x"], ["a"])).toEqual(["x"]);
    expect(broken.diagnostics).toHaveLength(1);
  });

  it("that is not there gives nobody a say", async () => {
    const owners = await readOwners(filesOf({}), ["x"]);
    expect(owners.uncovered(["x"], ["a"])).toEqual(["x"]);
  });
});
