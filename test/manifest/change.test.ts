import { rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { checkTree, compareManifests, edgesHash, edgesOf, limitToChanges } from "../../src/edges/index.ts";
import {
  type ManifestTree,
  readManifestChange,
  readManifests,
  readManifestsAt,
} from "../../src/manifest/index.ts";
import { digestFor } from "../promotion/world.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { type Project, temporaryFolder, writeTree } from "../support/tree.ts";

const test = testWith("git");
const options = { environment: gitEnvironment };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let repository: TestRepository;
let tree: string;

beforeAll(async () => {
  folder = await temporaryFolder("change");
  repository = await createRepository(join(folder.path, "repository"));
  tree = join(repository.path, "tree");
});

afterAll(() => folder.remove());

async function write(projects: readonly Project[]): Promise<string> {
  await rm(tree, { recursive: true, force: true });
  await writeTree(tree, [
    { name: "idle", source: "s.example/idle", destinations: [], images: {} },
    ...projects,
  ]);
  return repository.commit();
}

/** Projects whose registries lie in and beside each other, and images whose names reach from one into another. */
const projects = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("a", "b", "c", "d"),
    source: fc.constantFrom("s.example/a", "s.example/b"),
    destinations: fc.uniqueArray(
      fc.constantFrom("p.example", "p.example/eu", "p.example/eu/x", "q.example", "q.example/us"),
      { maxLength: 2 },
    ),
    images: fc.dictionary(
      fc.constantFrom("app", "x/app", "eu/app", "eu/x/app", "us/app"),
      fc.dictionary(
        fc.constantFrom(digestFor("1"), digestFor("2")),
        fc.uniqueArray(fc.constantFrom("v1", "v2"), { maxLength: 2 }),
        { minKeys: 1 },
      ),
      { maxKeys: 2 },
    ),
  }),
  { maxLength: 4, selector: ({ name }) => name },
);

/** What of two states matters for a change, without what both have and no change touches. */
function meaning(before: ManifestTree, after: ManifestTree) {
  const changes = compareManifests(before, after);
  const { unchanged: _, ...edges } = changes.edges;
  const old = new Set(
    checkTree(before).diagnostics.map(({ code, file, message }) => `${code} ${file} ${message}`),
  );
  return {
    ...changes,
    edges,
    introduced: checkTree(after)
      .diagnostics.map(({ code, file, message }) => `${code} ${file} ${message}`)
      .filter((found) => !old.has(found)),
    hash: edgesHash(limitToChanges(edgesOf(after.manifests), changes)),
  };
}

describe("a change of manifests", () => {
  test("is the same however little of the trees is read for it", async () => {
    let passedOver = 0;
    await fc.assert(
      fc.asyncProperty(projects, projects, fc.boolean(), async (some, others, onDisk) => {
        // Most projects stay as they are: otherwise there is nothing to leave out.
        const after = [
          ...some.slice(0, 3),
          ...others.slice(0, 1).filter(({ name }) => !some.slice(0, 3).some((p) => p.name === name)),
        ];
        const base = await write(some);
        const head = await write(after);
        const change = await readManifestChange(tree, { base, ...(onDisk ? {} : { head }) }, options);
        passedOver += change.passedOver.length;
        const whole = await readManifests(tree);
        const { tree: before } = await readManifestsAt(whole, base, options);
        expect(meaning(change.base.tree, change.head.tree)).toEqual(meaning(before, whole));
      }),
      { numRuns: 60 },
    );
    expect(passedOver).toBeGreaterThan(10);
  });

  test("is read at commits that are not checked out, from a folder that is not there", async () => {
    const project: Project = {
      name: "a",
      source: "s.example/a",
      destinations: ["p.example/a"],
      images: { app: { [digestFor("1")]: ["v1"] } },
    };
    const base = await write([]);
    const head = await write([project]);
    await repository.git("checkout", "--quiet", "--orphan", "empty");
    await repository.git("rm", "--quiet", "-r", "-f", ".");
    await repository.commit();
    const change = await readManifestChange(tree, { base, head }, options);
    expect(change).toMatchObject({ changed: ["a"], passedOver: ["idle"], head: { commit: head } });
    expect(change.placeOf(join(tree, "images/a/images.yaml"))).toBe("tree/images/a/images.yaml");
    expect(compareManifests(change.base.tree, change.head.tree).edges).toMatchObject({ added: 1 });
    await repository.git("checkout", "--quiet", "main");
  });

  test("of line ends alone is none", async () => {
    const base = await write([]);
    await repository.git("config", "core.autocrlf", "true");
    await rm(tree, { recursive: true });
    await repository.git("checkout", "--quiet", ".");
    expect((await readManifestChange(tree, { base }, options)).changed).toEqual([]);
  });
});
