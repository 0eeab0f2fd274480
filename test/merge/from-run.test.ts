import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { BuiltImage, BuiltImages } from "../../src/builds/index.ts";
import { MergeError, mergeRun, planRunMerge, type RunMergeOptions } from "../../src/merge/index.ts";
import { mediaTypes } from "../../src/oci/index.ts";
import { type Contents, digestFor, memoryRegistries } from "./memory-registry.ts";
import { projectOf } from "./project.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const tag = "v20210421-v0.1.0";
const commit = "9afb85e".padEnd(40, "0");
const repository = "https://github.com/cncf/apisnoop";

function built(name: string, nickname: string, more: Partial<BuiltImage> = {}): BuiltImage {
  return {
    build: "build",
    name,
    repository: name,
    digest: digestFor(nickname),
    mediaType: mediaTypes.ociIndex,
    size: 1,
    tags: [tag],
    seenBy: ["registry"],
    ...more,
  };
}

const runOf = (...images: readonly BuiltImage[]): BuiltImages => ({
  format: "waybill-images/1",
  run: { job: "push-snoopdb", id: "1384977461019676672" },
  source: { repository, commit, isDirty: false, path: "" },
  tag,
  images,
});

const other = {
  registries: "- name: stage.example/bar\n  src: true\n- name: prod.example/bar\n",
  images: "",
};

/** Two projects, `foo` and `bar`, and staging registries that hold these. */
async function scene(staging: Contents, others = { bar: other } as Readonly<Record<string, typeof other>>) {
  const project = await projectOf({ images: "", others });
  cleanups.push(project.remove);
  const registries = memoryRegistries(staging);
  return {
    ...project,
    ...registries,
    options: (run: BuiltImages, more: Partial<RunMergeOptions> = {}): RunMergeOptions => ({
      tree: project.path,
      run,
      open: registries.open,
      ...more,
    }),
  };
}

async function failure(promise: Promise<unknown>): Promise<MergeError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  if (error instanceof MergeError) return error;
  throw error instanceof Error ? error : new Error("nothing was thrown");
}

const edges = ({ plans }: Awaited<ReturnType<typeof planRunMerge>>) =>
  plans.flatMap(({ project, added }) => added.map((edge) => `${project}: ${edge.image}:${edge.tag ?? ""}`));

describe("a merge of a run", () => {
  test("adds exactly what was built, and lists nothing", async () => {
    const { options, takeRequests, text } = await scene({
      "stage.example/foo/snoopdb": { one: [tag, "other"], older: ["v1"] },
      "stage.example/foo/stranger": { two: [tag] },
    });
    const run = runOf(built("stage.example/foo/snoopdb", "one"));
    const result = await mergeRun(options(run, { skipProduction: true }));
    const requests = takeRequests();
    expect(requests).toEqual([`resolve ${digestFor("one")} in stage.example/foo/snoopdb`]);
    expect(await text()).toBe(`- name: snoopdb\n  dmap:\n    "${digestFor("one")}": ["${tag}"]\n`);
    expect(result).toMatchObject({
      run: run.run,
      leftOut: [],
      merges: [
        {
          project: "foo",
          written: true,
          origins: [
            {
              image: "snoopdb",
              digest: digestFor("one"),
              from: "run",
              commit,
              source: repository,
              run: "push-snoopdb/1384977461019676672",
            },
          ],
        },
      ],
    });
    const again = await mergeRun(options(run));
    expect(again.merges).toMatchObject([{ written: false, added: [], origins: [], present: [{ tag }] }]);
    await mergeRun(options(run, { as: "v0.1.0" }));
    expect(takeRequests().filter((request) => /^(list|catalog) stage/.test(request))).toEqual([]);
  });

  test("writes to every project that something was built for", async () => {
    const { options } = await scene({
      "stage.example/foo/app": { one: [] },
      "stage.example/bar/deep/app": { two: [] },
    });
    const run = runOf(built("stage.example/foo/app", "one"), built("stage.example/bar/deep/app", "two"));
    expect(edges(await planRunMerge(options(run)))).toEqual([`foo: app:${tag}`, `bar: deep/app:${tag}`]);
    expect(edges(await planRunMerge(options(run, { staging: "stage.example/bar/" })))).toEqual([
      `bar: deep/app:${tag}`,
    ]);
    expect(edges(await planRunMerge(options(run, { filters: { images: ["deep/*"] } })))).toEqual([
      `bar: deep/app:${tag}`,
    ]);
    expect(edges(await planRunMerge(options(run, { filters: { digests: [digestFor("one")] } })))).toEqual([
      `foo: app:${tag}`,
    ]);
  });

  test("knows an image by where it went, or else by what the build file calls it", async () => {
    const { options } = await scene({
      "stage.example/foo/app": { one: [] },
      "stage.example/bar/app": { two: [] },
    });
    const run = runOf(
      built("stage.example/foo/app", "one", { repository: "127.0.0.1:5000/stage.example/foo/app" }),
      built("stage.example/foo/app", "two", { repository: "stage.example/bar/app" }),
    );
    expect(edges(await planRunMerge(options(run)))).toEqual([`foo: app:${tag}`, `bar: app:${tag}`]);
  });

  test("refuses images of one run that contend for a tag of production", async () => {
    const rival = {
      registries: "- name: stage.example/bar\n  src: true\n- name: prod.example/foo\n",
      images: "",
    };
    const { options, text } = await scene(
      { "stage.example/foo/app": { one: [] }, "stage.example/bar/app": { two: [] } },
      { bar: rival },
    );
    const run = runOf(built("stage.example/foo/app", "one"), built("stage.example/bar/app", "two"));
    const error = await failure(mergeRun(options(run)));
    expect(error.code).toBe("refused");
    expect(error.refusals).toMatchObject([
      { image: "app", tag, asked: digestFor("two"), standing: digestFor("one") },
    ]);
    expect(await text()).toBe("");
    const same = runOf(built("stage.example/foo/app", "one"), built("stage.example/bar/app", "one"));
    const { plans } = await planRunMerge({
      ...options(same),
      open: memoryRegistries({ "stage.example/foo/app": { one: [] }, "stage.example/bar/app": { one: [] } })
        .open,
    });
    expect(plans.map(({ project }) => project)).toEqual(["foo", "bar"]);
  });

  test("says what it has written when it cannot write the rest", async () => {
    const { options, path, file, text, open } = await scene({
      "stage.example/foo/app": { one: [] },
      "stage.example/bar/app": { two: [] },
    });
    const run = runOf(built("stage.example/foo/app", "one"), built("stage.example/bar/app", "two"));
    const changing: RunMergeOptions["open"] = (name) => {
      if (name === "stage.example/bar/app") {
        appendFileSync(join(path, "images", "bar", "images.yaml"), "# somebody else\n");
      }
      return open(name);
    };
    const error = await failure(mergeRun(options(run, { open: changing })));
    expect(error.code).toBe("manifest-changed");
    expect(error.message).toContain(`merged before that: ${file}`);
    expect(await text()).toContain(digestFor("one"));
  });

  test("says where an image is that staging does not have", async () => {
    const { options } = await scene({});
    const run = runOf(
      built("stage.example/foo/app", "one", { repository: "127.0.0.1:5000/stage.example/foo/app" }),
    );
    const error = await failure(planRunMerge(options(run)));
    expect(error.code).toBe("no-image");
    expect(error.hint).toContain("127.0.0.1:5000/stage.example/foo/app");
    expect(error.hint).toContain("locations");
  });

  test("tells what has no place, or more than one", async () => {
    const nested = {
      registries: "- name: stage.example/foo/deep\n  src: true\n- name: prod.example/deep\n",
      images: "",
    };
    const { options } = await scene(
      { "stage.example/foo/app": { one: [] }, "stage.example/foo/deep/app": { two: [] } },
      { nested },
    );
    const run = runOf(
      built("stage.example/foo/app", "one"),
      built("stage.example/foo/deep/app", "two"),
      built("stage.example/foolish/app", "three"),
    );
    const plan = await planRunMerge(options(run));
    expect(edges(plan)).toEqual([`foo: app:${tag}`]);
    expect(plan.leftOut).toMatchObject([
      {
        digest: digestFor("two"),
        message: expect.stringContaining("several staging registries"),
        hint: expect.stringMatching(/--staging-repo: stage\.example\/foo.*stage\.example\/foo\/deep/),
      },
      {
        digest: digestFor("three"),
        message: expect.stringContaining("none of the manifests"),
        hint: expect.stringContaining("stage.example/foo"),
      },
    ]);
    const chosen = await planRunMerge(options(run, { staging: "stage.example/foo/deep" }));
    expect(edges(chosen)).toEqual([`nested: app:${tag}`]);
    const filtered = await planRunMerge(options(run, { filters: { images: ["deep/app"] } }));
    expect({ edges: edges(filtered), leftOut: filtered.leftOut }).toEqual({
      edges: [`foo: deep/app:${tag}`],
      leftOut: [],
    });
    const nowhere = runOf(built("elsewhere.example/app", "three"));
    expect(await failure(planRunMerge(options(nowhere)))).toMatchObject({ code: "unknown-staging" });
  });

  test("takes the run's tags, or a release tag in their place", async () => {
    const { options } = await scene({ "stage.example/foo/app": { one: [], two: [] } });
    const tags = [tag, "main", "latest"];
    const run = runOf(built("stage.example/foo/app", "one", { tags }));
    const with1 = async (more: Partial<RunMergeOptions>) => edges(await planRunMerge(options(run, more)));
    expect(await with1({})).toEqual([`foo: app:${tag}`, "foo: app:main"]);
    expect(await with1({ filters: { tags: ["v2*"] } })).toEqual([`foo: app:${tag}`]);
    expect(await with1({ filters: { tags: ["latest"] } })).toEqual(["foo: app:latest"]);
    expect(await with1({ as: "v0.1.0" })).toEqual(["foo: app:v0.1.0"]);
    expect(await with1({ as: "v0.1.0", filters: { tags: ["main"] } })).toEqual(["foo: app:v0.1.0"]);
    expect(await failure(planRunMerge(options(run, { filters: { tags: ["v3"] } })))).toMatchObject({
      code: "nothing-chosen",
      hint: expect.stringContaining(tag),
    });
  });

  test("lets a release tag stand for one digest alone", async () => {
    const { options } = await scene({ "stage.example/foo/app": { one: [], two: [], three: [] } });
    const run = runOf(
      built("stage.example/foo/app", "one", { tags: [`${tag}-a`] }),
      built("stage.example/foo/app", "two", { tags: [`${tag}-b`] }),
      // A part of an index, which was pushed without any tag.
      built("stage.example/foo/app", "three", { tags: [] }),
    );
    expect(await failure(planRunMerge(options(run, { as: "v1" })))).toMatchObject({
      code: "tag-not-unique",
      hint: expect.stringContaining(digestFor("two")),
    });
    const one = await planRunMerge(options(run, { as: "v1", filters: { tags: ["*-b"] } }));
    expect(one.plans[0]?.added).toMatchObject([{ digest: digestFor("two"), tag: "v1" }]);
    const named = await planRunMerge(options(run, { as: "v1", filters: { digests: [digestFor("three")] } }));
    expect(named.plans[0]?.added).toMatchObject([{ digest: digestFor("three"), tag: "v1" }]);
  });

  test("that built nothing is refused", async () => {
    const { options } = await scene({});
    expect(await failure(planRunMerge(options(runOf())))).toMatchObject({ code: "run-empty" });
  });
});
