import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ChangeFilter, type Job, judgePush } from "../../src/jobs/index.ts";

const job = (on?: ChangeFilter): Job => ({
  name: "a",
  repo: "https://github.com/example/a",
  work: { kind: "build", build: { dir: "." } },
  ...(on === undefined ? {} : { on }),
});

const version =
  "^v(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$";

describe("a push", () => {
  test.each<[ChangeFilter | undefined, string, string[], "run" | "skip", string]>([
    [undefined, "refs/heads/main", ["a"], "skip", "no push starts it: it has no filter `on`"],
    [{}, "refs/heads/main", [], "run", "every push starts it"],
    [{}, "refs/tags/v1.0.0", [], "run", "every push starts it"],
    [{ branch: ["^main$"] }, "refs/heads/main", [], "run", 'branch "^main$" matches "main"'],
    [{ branch: ["^main$"] }, "refs/heads/main2", [], "skip", 'branch "^main$" does not match "main2"'],
    // Found anywhere, unless it is anchored.
    [{ branch: ["main"] }, "refs/heads/not-main-2", [], "run", 'branch "main" matches "not-main-2"'],
    // A tag counts as a branch.
    [
      { branch: [version] },
      "refs/tags/v1.2.3-rc.0+x",
      [],
      "run",
      expect.stringContaining('matches "v1.2.3-rc.0+x"'),
    ],
    [{ branch: [version] }, "refs/tags/v1.2", [], "skip", expect.stringContaining('does not match "v1.2"')],
    [{ branch: ["^v1"] }, "refs/heads/v1", [], "run", 'branch "^v1" matches "v1"'],
    [
      { branch: ["main"], skipBranch: ["^dependabot", "^main$"] },
      "refs/heads/main",
      [],
      "skip",
      'skipBranch "^dependabot", "^main$" matches "main"',
    ],
    [
      { skipBranch: ["^dependabot"] },
      "refs/heads/dependabot/npm",
      [],
      "skip",
      'skipBranch "^dependabot" matches "dependabot/npm"',
    ],
    [
      { skipBranch: ["^dependabot"] },
      "refs/heads/main",
      [],
      "run",
      'every branch but those of skipBranch: "main"',
    ],
    // A flag holds for the expressions behind it, for they are joined.
    [{ branch: ["(?i)^a$", "^b$"] }, "refs/heads/B", [], "run", expect.anything()],
    [{ branch: ["^b$", "(?i)^a$"] }, "refs/heads/B", [], "skip", expect.anything()],
    [{ paths: "^apps/" }, "refs/heads/main", ["README", "apps/x"], "run", 'paths "^apps/" matches "apps/x"'],
    [
      { paths: "^apps/" },
      "refs/heads/main",
      ["README"],
      "skip",
      'paths "^apps/" does not match the one changed path',
    ],
    [
      { paths: "^apps/" },
      "refs/heads/main",
      ["a", "b"],
      "skip",
      'paths "^apps/" matches none of 2 changed paths',
    ],
    [{ paths: "^apps/" }, "refs/heads/main", [], "skip", "paths needs a changed path, and nothing changed"],
    // Whatever the tag's commit has changed.
    [
      { paths: "^apps/" },
      "refs/tags/v1",
      ["apps/x"],
      "skip",
      "paths never lets a tag through: its push has no changed paths",
    ],
    [
      { skipPaths: "\\.md$" },
      "refs/tags/v1",
      ["apps/x"],
      "skip",
      "skipPaths never lets a tag through: its push has no changed paths",
    ],
    [
      { skipPaths: "\\.md$" },
      "refs/heads/main",
      ["a.md", "b"],
      "run",
      'skipPaths "\\\\.md$" does not match "b"',
    ],
    [
      { skipPaths: "\\.md$" },
      "refs/heads/main",
      ["a.md", "b.md"],
      "skip",
      'skipPaths "\\\\.md$" matches all 2 changed paths',
    ],
    [
      { skipPaths: "\\.md$" },
      "refs/heads/main",
      ["a.md"],
      "skip",
      'skipPaths "\\\\.md$" matches the one changed path',
    ],
    // The branch is looked at first.
    [
      { branch: ["^x"], paths: "^apps/" },
      "refs/heads/main",
      ["apps/x"],
      "skip",
      'branch "^x" does not match "main"',
    ],
  ])("%j of %s with %j: %s", (on, ref, changes, verdict, reason) => {
    expect(judgePush(job(on), { ref, changes })).toEqual({ verdict, reason });
  });

  /** Prow's rules written down as plainly as can be, with expressions that mean the same in JavaScript. */
  function model(
    { branch = [], skipBranch = [], paths, skipPaths }: ChangeFilter,
    ref: string,
    changes: string[],
  ) {
    const name = ref.slice(ref.indexOf("/", 5) + 1);
    const found = (list: readonly string[], text: string) => new RegExp(list.join("|")).test(text);
    if (skipBranch.length > 0 && found(skipBranch, name)) return "skip";
    if (branch.length > 0 && !found(branch, name)) return "skip";
    const known = ref.startsWith("refs/tags/") ? [] : changes;
    if (paths !== undefined) return known.some((path) => found([paths], path)) ? "run" : "skip";
    if (skipPaths !== undefined) return known.some((path) => !found([skipPaths], path)) ? "run" : "skip";
    return "run";
  }

  const word = fc.string({ unit: fc.constantFrom("a", "b", "/", "."), minLength: 1, maxLength: 4 });
  const expression = fc
    .tuple(fc.constantFrom("", "^"), word, fc.constantFrom("", "$", "+", "|a", ".*b"))
    .map((parts) => parts.join(""));
  const some = fc.array(expression, { minLength: 1, maxLength: 3 });
  const filter = fc
    .record(
      { branch: some, skipBranch: some, paths: expression, skipPaths: expression },
      { requiredKeys: [] },
    )
    .map(({ skipPaths, ...rest }) =>
      rest.paths === undefined && skipPaths !== undefined ? { ...rest, skipPaths } : rest,
    );
  const ref = fc.tuple(fc.constantFrom("refs/heads/", "refs/tags/"), word).map((parts) => parts.join(""));

  test("is judged as Prow judges it", () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(filter, ref, fc.array(word, { maxLength: 4 }), (on, pushed, changes) => {
        const { verdict } = judgePush(job(on), { ref: pushed, changes });
        seen.add(verdict);
        expect(verdict).toBe(model(on, pushed, changes));
      }),
      { numRuns: 2000 },
    );
    expect(seen.size).toBe(2);
  });
});
