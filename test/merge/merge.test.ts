import { readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { ManifestEditError } from "../../src/manifest/index.ts";
import {
  MergeError,
  type MergeFilters,
  type MergeOptions,
  merge,
  planMerge,
  writeMerge,
} from "../../src/merge/index.ts";
import { RegistryError } from "../../src/registry/index.ts";
import { type Contents, digestFor, type MemoryOptions, memoryRegistries } from "./memory-registry.ts";
import { projectOf } from "./project.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** A text in which `<one>` stands for the digest of the nickname `one`. */
function long(text: string): string {
  return text.replace(/<([\w.-]+)>/g, (_, nickname: string) => digestFor(nickname));
}

interface Scene {
  readonly images?: string;
  readonly staging?: Contents;
  readonly production?: Contents;
  readonly destinations?: readonly string[];
  readonly others?: Parameters<typeof projectOf>[0]["others"];
  readonly memory?: MemoryOptions;
}

/** A project on disk and registries in memory; names in `staging` and `production` stand below their registries. */
async function scene({ images = "", staging = {}, production = {}, destinations, others, memory }: Scene) {
  const project = await projectOf({
    images: long(images),
    ...(destinations === undefined ? {} : { destinations }),
    ...(others === undefined ? {} : { others }),
  });
  cleanups.push(project.remove);
  const below = (prefix: string, contents: Contents) =>
    Object.entries(contents).map(([name, held]) => [
      name.includes(".example") ? name : `${prefix}/${name}`,
      held,
    ]);
  const registries = memoryRegistries(
    Object.fromEntries([...below("stage.example/foo", staging), ...below("prod.example/foo", production)]),
    memory,
  );
  const options = async (
    filters: MergeFilters = {},
    more: Partial<MergeOptions> = {},
  ): Promise<MergeOptions> => ({
    tree: await project.tree(),
    staging: "stage.example/foo",
    filters,
    open: registries.open,
    catalog: registries.catalog,
    ...more,
  });
  return { ...project, ...registries, options };
}

async function failure(promise: Promise<unknown>): Promise<MergeError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof MergeError) return error;
  throw error ?? new Error("nothing was thrown");
}

/** What a merge would add: `image@nickname:tag`. */
async function added(scenery: Awaited<ReturnType<typeof scene>>, filters: MergeFilters): Promise<string[]> {
  const plan = await planMerge(await scenery.options(filters));
  const nicknames = new Map(["000", "111", "222", "333"].map((nickname) => [digestFor(nickname), nickname]));
  return plan.added.map(({ image, digest, tag }) => `${image}@${nicknames.get(digest)}:${tag ?? ""}`);
}

describe("what the filters choose", () => {
  const staging = {
    foo: { "000": ["latest", "1.2.3"], "222": ["3.0"], "333": [] },
    bar: { "111": ["latest", "1.2.3", "1.3.0"] },
    "sub/baz": { "111": ["1.2.3"] },
    signed: { "111": ["sha256-4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a.sig", "1.0"] },
  };
  const everything = [
    "bar@111:1.2.3",
    "bar@111:1.3.0",
    "foo@000:1.2.3",
    "foo@222:3.0",
    "signed@111:1.0",
    "sub/baz@111:1.2.3",
  ];
  const cases: [string, MergeFilters, string[]][] = [
    ["nothing: all but latest, signatures, and digests without tags", {}, everything],
    ["an image", { images: ["bar"] }, ["bar@111:1.2.3", "bar@111:1.3.0"]],
    ["images", { images: ["bar", "sub/baz"] }, ["bar@111:1.2.3", "bar@111:1.3.0", "sub/baz@111:1.2.3"]],
    [
      "a glob, which stops at slashes",
      { images: ["*"], tags: ["1.2.3"] },
      ["bar@111:1.2.3", "foo@000:1.2.3"],
    ],
    [
      "a glob over slashes",
      { images: ["**"], tags: ["1.2.3"] },
      ["bar@111:1.2.3", "foo@000:1.2.3", "sub/baz@111:1.2.3"],
    ],
    ["a glob below", { images: ["sub/*"] }, ["sub/baz@111:1.2.3"]],
    ["a choice", { images: ["{foo,none}"] }, ["foo@000:1.2.3", "foo@222:3.0"]],
    ["a tag: the digest keeps no other", { tags: ["1.3.0"] }, ["bar@111:1.3.0"]],
    ["a tag and an image", { images: ["foo"], tags: ["1.2.3"] }, ["foo@000:1.2.3"]],
    [
      "a glob of tags",
      { tags: ["1.*"], images: ["bar", "foo"] },
      ["bar@111:1.2.3", "bar@111:1.3.0", "foo@000:1.2.3"],
    ],
    ["a glob of tags and a tag", { tags: ["1.3*", "3.0"] }, ["bar@111:1.3.0", "foo@222:3.0"]],
    [
      "a digest: all its tags but latest",
      { digests: [digestFor("111")], images: ["bar"] },
      ["bar@111:1.2.3", "bar@111:1.3.0"],
    ],
    ["a digest and a tag", { digests: [digestFor("111")], tags: ["1.3.0"] }, ["bar@111:1.3.0"]],
    ["a digest without tags", { digests: [digestFor("333")] }, ["foo@333:"]],
    [
      "a digest that has latest alone besides",
      { digests: [digestFor("222"), digestFor("333")] },
      ["foo@222:3.0", "foo@333:"],
    ],
    [
      "a glob of digests takes none without tags",
      { digests: [`${digestFor("222").slice(0, 20)}*`] },
      ["foo@222:3.0"],
    ],
    ["latest, when it is named", { images: ["bar"], tags: ["latest"] }, ["bar@111:latest"]],
    ["latest is in no glob", { images: ["bar"], tags: ["*"] }, ["bar@111:1.2.3", "bar@111:1.3.0"]],
  ];

  describe.each([
    ["a registry that lists digests and children", true],
    ["a registry that lists tags only", false],
  ])("%s", (_, listsManifests) => {
    test.each(cases)("%s", async (_name, filters, expected) => {
      expect(await added(await scene({ staging, memory: { listsManifests } }), filters)).toEqual(expected);
    });
  });
});

describe("requests", () => {
  const staging = {
    bar: { "111": ["1.2.3", "1.3.0"] },
    foo: { "000": ["1.2.3", "2.0"] },
    "foo/deep": { "000": ["1.2.3"] },
    other: { "000": ["9.9"] },
  };
  const inStaging = (requests: string[]) => requests.filter((request) => request.includes("stage.example"));

  test("exact tags and images cost one each", async () => {
    const { options, takeRequests } = await scene({ staging });
    await planMerge(await options({ images: ["bar", "foo"], tags: ["1.2.3"] }));
    expect(inStaging(takeRequests())).toEqual([
      "resolve 1.2.3 in stage.example/foo/bar",
      "resolve 1.2.3 in stage.example/foo/foo",
    ]);
  });

  test("a glob of tags lists, and resolves what passes", async () => {
    const { options, takeRequests } = await scene({ staging });
    await planMerge(await options({ images: ["foo"], tags: ["2.*"] }));
    expect(inStaging(takeRequests())).toEqual([
      "list stage.example/foo/foo",
      "resolve 2.0 in stage.example/foo/foo",
    ]);
  });

  test("a glob of images asks for no repository that cannot pass", async () => {
    const { options, takeRequests } = await scene({ staging, memory: { listsManifests: true } });
    await planMerge(await options({ images: ["fo*"] }));
    expect(inStaging(takeRequests()).filter((request) => request.startsWith("list"))).toEqual([
      "list stage.example/foo",
      "list stage.example/foo/foo",
    ]);
  });

  test("a digest that is nowhere costs one each", async () => {
    const { options, takeRequests } = await scene({ staging });
    await failure(planMerge(await options({ images: ["other"], digests: [digestFor("none")] })));
    expect(takeRequests()[0]).toBe(`resolve ${digestFor("none")} in stage.example/foo/other`);
  });

  test("production is asked once for each new tag and destination", async () => {
    const destinations = ["prod.example/a", "prod.example/b"];
    const images = long('- name: foo\n  dmap:\n    "<000>": ["1.2.3"]\n');
    const { options, takeRequests } = await scene({ staging, destinations, images });
    await planMerge(await options({ images: ["foo"] }));
    expect(takeRequests().filter((request) => request.includes("prod.example"))).toEqual([
      "resolve 2.0 in prod.example/a/foo",
      "resolve 2.0 in prod.example/b/foo",
    ]);
  });

  test("production is listed where one listing tells all", async () => {
    const { options, takeRequests } = await scene({ staging, memory: { listsManifests: true } });
    await planMerge(await options({ images: ["foo"] }));
    expect(takeRequests().filter((request) => request.includes("prod.example"))).toEqual([
      "list prod.example/foo/foo",
      "resolve 1.2.3 in prod.example/foo/foo",
    ]);
  });
});

describe("finding the images", () => {
  const staging = { bar: { "111": ["1.0"] }, foo: { "000": ["2.0"] } };

  test("by the catalog, asked for what is below staging", async () => {
    const { options, takeRequests } = await scene({ staging });
    const plan = await planMerge(await options());
    expect(plan.added).toMatchObject([
      { image: "bar", tag: "1.0" },
      { image: "foo", tag: "2.0" },
    ]);
    expect(takeRequests()).toContain("catalog stage.example/foo");
  });

  test("without catalog by the names in the manifest, and says so", async () => {
    const images = '- name: foo\n  dmap:\n    "<000>": []\n';
    const { options } = await scene({ staging, images });
    const { catalog: _, ...without } = await options();
    const plan = await planMerge(without);
    expect(plan.added).toMatchObject([{ image: "foo", tag: "2.0" }]);
    expect(plan.warnings.join()).toContain("does not tell which images it holds");
  });

  test("a catalog that is not shown is no failure, but is told", async () => {
    const images = '- name: foo\n  dmap:\n    "<000>": []\n';
    const { options } = await scene({ staging, images });
    const plan = await planMerge(
      await options(
        {},
        {
          // biome-ignore lint/correctness/useYield: it fails before it has anything to yield
          catalog: async function* () {
            throw new RegistryError("unsupported", "no catalog here", { where: "staging.example" });
          },
        },
      ),
    );
    expect(plan.added).toHaveLength(1);
    expect(plan.warnings.join()).toContain("no catalog here");
  });

  test("a catalog that is cut off is one", async () => {
    const images = '- name: foo\n  dmap:\n    "<000>": []\n';
    const { options } = await scene({ staging, images });
    const cut = new RegistryError("list-incomplete", "the list is cut off", { where: "stage.example" });
    const catalog = async function* () {
      yield "stage.example/foo/foo";
      throw cut;
    };
    expect((await failure(planMerge(await options({}, { catalog })))).code).toBe("staging-unread");
  });

  test("with no names at all it asks for some", async () => {
    const { options } = await scene({ staging });
    const { catalog: _, ...without } = await options({ tags: ["1.0"] });
    const error = await failure(planMerge(without));
    expect(error.code).toBe("images-unknown");
    expect(error.hint).toContain("--image");
  });

  test("a staging root that may not be listed is passed over, one that cannot be reached is not", async () => {
    const denied = await scene({ staging, memory: { broken: { "stage.example/foo": "denied" } } });
    expect((await planMerge(await denied.options())).added).toHaveLength(2);
    const away = await scene({ staging, memory: { broken: { "stage.example/foo": "unreachable" } } });
    expect((await failure(planMerge(await away.options()))).code).toBe("staging-unread");
  });
});

describe("the target", () => {
  const others = {
    bar: { registries: "- name: stage.example/bar\n  src: true\n- name: prod.example/bar\n", images: "" },
  };

  test("is the project of the staging registry; a slash at the end changes nothing", async () => {
    const { options } = await scene({ staging: { foo: { "000": ["1"] } }, others });
    const plan = await planMerge(await options({}, { staging: "stage.example/foo/" }));
    expect(plan.project).toBe("foo");
  });

  test.each([
    [
      "stage.example/fop",
      'could not find Manifest for "stage.example/fop"',
      "did you mean stage.example/foo?",
    ],
    [
      "stage.example/foo/sub",
      'could not find Manifest for "stage.example/foo/sub"',
      "did you mean stage.example/foo?",
    ],
    [
      "gcr.io/nonsense-staging",
      'could not find Manifest for "gcr.io/nonsense-staging"',
      "stage.example/bar, stage.example/foo",
    ],
  ])("%s is unknown", async (staging, message, hint) => {
    const { options } = await scene({ others });
    const error = await failure(planMerge(await options({}, { staging })));
    expect(error).toMatchObject({ code: "unknown-staging", message });
    expect(error.hint).toContain(hint);
  });
});

test("a folder that is no tree of manifests is said to be none, whatever is asked for", async () => {
  const { options } = await scene({});
  const error = await failure(planMerge(await options({}, { tree: "nowhere" })));
  expect(error).toMatchObject({ code: "no-manifest", where: "nowhere" });
  expect(error.hint).toContain("images/ and manifests/");
});

test("of two projects with one staging registry the first is taken, and the other named", async () => {
  const others = {
    zoo: { registries: "- name: stage.example/foo\n  src: true\n- name: prod.example/zoo\n", images: "" },
  };
  const { options } = await scene({ staging: { foo: { "000": ["1"] } }, others });
  const plan = await planMerge(await options());
  expect(plan.project).toBe("foo");
  expect(plan.warnings.join()).toContain("zoo promotes from stage.example/foo too");
});

describe("choosing nothing", () => {
  const staging = { "kube-proxy": { "000": ["v1.30.0", "latest"] }, pause: { "111": ["3.9"] } };
  const survived = "no image passes the filters: look for typing errors in what they name";

  test.each<[string, MergeFilters, string]>([
    ["an image", { images: ["kube-prxy"] }, "--image kube-prxy: did you mean kube-proxy?"],
    ["a tag", { tags: ["v1.30.1"] }, "--tag v1.30.1: did you mean v1.30.0?"],
    ["a tag without its v", { images: ["kube-proxy"], tags: ["1.30.0"] }, "did you mean v1.30.0?"],
    ["a digest", { digests: [digestFor("none")] }, "there is no such one"],
    ["globs", { images: ["x*"] }, "images there: kube-proxy, pause"],
  ])("%s", async (_, filters, hint) => {
    const { options } = await scene({ staging });
    const error = await failure(planMerge(await options(filters)));
    expect(error).toMatchObject({ code: "nothing-chosen", message: survived });
    expect(error.hint).toContain(hint);
  });

  test("because of a misspelled image blames no tag that is right", async () => {
    const { options } = await scene({ staging });
    for (const images of [["kube-prxy"], ["pause", "kube-prxy"]]) {
      const error = await failure(planMerge(await options({ images, tags: ["v1.30.0"] })));
      expect(error).toMatchObject({ code: "nothing-chosen", message: survived });
      expect(error.hint).toBe("--image kube-prxy: did you mean kube-proxy?");
      expect(`${error.message} ${error.hint}`).not.toContain("filter_");
    }
  });

  test("latest alone", async () => {
    const { options } = await scene({ staging: { foo: { "000": ["latest"] } } });
    const error = await failure(planMerge(await options()));
    expect(error).toMatchObject({ code: "nothing-chosen", message: survived });
    expect(error.hint).toContain("latest is never taken");
  });

  test.each([true, false])("an empty staging registry (listing digests: %s)", async (listsManifests) => {
    const { options } = await scene({ staging: {}, memory: { listsManifests } });
    for (const filters of [{}, { images: ["foo"] }, { tags: ["v1"] }, { images: ["f*"], tags: ["v1"] }]) {
      const error = await failure(planMerge(await options(filters)));
      expect(error.code).toBe("empty-staging");
    }
  });

  test.each<[MergeFilters, string]>([
    [{ digests: ["sha256:abc"] }, "it has 3 hexadecimal digits"],
    [{ tags: ["v1.0+build"] }, "it is no tag"],
    [{ images: ["Foo"] }, "lower case"],
    [{ images: [""] }, "empty path component"],
  ])("a filter that can match nothing: %j", async (filters, why) => {
    const { options, takeRequests } = await scene({ staging });
    const error = await failure(planMerge(await options(filters)));
    expect(error.code).toBe("invalid-filter");
    expect(error.message).toContain(why);
    expect(takeRequests()).toEqual([]);
  });
});

describe("refusals", () => {
  const images = '- name: foo\n  dmap:\n    "<000>": ["1.0"]\n';

  test("tags that stand at other digests in the file and in production, all at once, with both digests", async () => {
    const { options, text, file } = await scene({
      images,
      staging: { foo: { "111": ["1.0"], "222": ["2.0"], "333": ["3.0"] } },
      production: { foo: { "000": ["1.0"], "999": ["2.0"] } },
    });
    const before = await text();
    const error = await failure(merge(await options()));
    expect(error.code).toBe("refused");
    expect(error.refusals).toEqual([
      { image: "foo", tag: "1.0", asked: digestFor("111"), standing: digestFor("000"), where: `${file}:3` },
      {
        image: "foo",
        tag: "2.0",
        asked: digestFor("222"),
        standing: digestFor("999"),
        where: "prod.example/foo/foo:2.0",
      },
    ]);
    for (const nickname of ["000", "111", "222", "999"]) expect(error.message).toContain(digestFor(nickname));
    expect(await text()).toBe(before);
  });

  test("production that has the same digest, or nothing, is as desired", async () => {
    const { options } = await scene({
      staging: { foo: { "111": ["1.0"], "222": ["2.0"] } },
      production: { foo: { "111": ["1.0"] } },
    });
    expect((await planMerge(await options())).added).toHaveLength(2);
  });

  test("what is listed already is not looked up in production", async () => {
    const { options } = await scene({
      images,
      staging: { foo: { "000": ["1.0"] } },
      production: { foo: { "999": ["1.0"] } },
    });
    const plan = await planMerge(await options());
    expect(plan).toMatchObject({ added: [], diff: "", present: [{ tag: "1.0", line: 3 }] });
    expect(plan.after).toBe(plan.before);
  });

  test("a tag that a listing of production tells", async () => {
    const { options } = await scene({
      staging: { foo: { "111": ["1.0"], "222": ["2.0"] } },
      production: { foo: { "111": ["1.0"], "999": ["2.0", "3.0"] } },
      memory: { listsManifests: true },
    });
    const error = await failure(planMerge(await options()));
    expect(error.refusals).toMatchObject([{ tag: "2.0", standing: digestFor("999") }]);
  });

  test("production that cannot be read, unless it is not to be looked at", async () => {
    const staging = { foo: { "111": ["1.0"] } };
    const { options } = await scene({
      staging,
      memory: { broken: { "prod.example/foo/foo": "unauthorized" } },
    });
    const error = await failure(planMerge(await options()));
    expect(error.code).toBe("production-unread");
    expect(error.message).toContain("prod.example/foo/foo");
    expect((await planMerge(await options({}, { skipProduction: true }))).added).toHaveLength(1);
  });

  test("a tag that another project asks for at another digest in the same place", async () => {
    const others = {
      bar: {
        registries: "- name: stage.example/bar\n  src: true\n- name: prod.example\n",
        images: long('- name: foo/foo\n  dmap:\n    "<999>": ["1.0"]\n'),
      },
    };
    const { options } = await scene({ staging: { foo: { "111": ["1.0"] } }, others });
    const error = await failure(planMerge(await options()));
    expect(error.code).toBe("refused");
    expect(error.refusals[0]).toMatchObject({ standing: digestFor("999"), asked: digestFor("111") });
    expect(error.message).toContain("images/bar/images.yaml:3");
  });

  test("an image in staging that cannot be read, which is named", async () => {
    const staging = { foo: { "111": ["1.0"] }, bar: { "222": ["1.0"] } };
    const { options } = await scene({
      staging,
      memory: { broken: { "stage.example/foo/bar": "server-error" } },
    });
    const error = await failure(planMerge(await options()));
    expect(error.code).toBe("staging-unread");
    expect(error.message).toContain("stage.example/foo/bar");
  });

  test("a digest that is no image, or is listed and not there", async () => {
    const staging = { foo: { "111": ["1.0"] } };
    const schema1 = "application/vnd.docker.distribution.manifest.v1+json";
    for (const listsManifests of [true, false]) {
      const odd = await scene({ staging, memory: { listsManifests, mediaTypes: { "111": schema1 } } });
      const error = await failure(planMerge(await odd.options()));
      expect(error.code).toBe("no-image");
      expect(error.message).toContain(schema1);
    }
    const lost = await scene({ staging, memory: { listsManifests: true, lost: ["111"] } });
    expect((await failure(planMerge(await lost.options()))).message).toContain("is listed but is not there");
  });

  test("a tag that is listed and stands for nothing is told, and stops nothing else", async () => {
    const { options } = await scene({
      staging: { foo: { "111": ["1.0"], "222": ["2.0"] } },
      memory: { lost: ["222"] },
    });
    const plan = await planMerge(await options());
    expect(plan.added).toMatchObject([{ tag: "1.0" }]);
    expect(plan.warnings.join()).toContain("2.0");
  });

  test("a manifest that cannot be edited", async () => {
    const { options, file } = await scene({
      images: "- name: foo\n  dmap:\n  dmap:\n",
      staging: { foo: { "1": ["1"] } },
    });
    await expect(planMerge(await options())).rejects.toThrow(ManifestEditError);
    await expect(planMerge(await options())).rejects.toMatchObject({ code: "repeated-key", where: file });
  });
});

describe("writing", () => {
  const staging = { foo: { "111": ["1.1"] }, bar: { "222": ["2.0"] } };
  const images = '# mine\n- name: foo\n  dmap:\n    "<000>": ["1.0"] # old\n';

  test("adds lines, keeps the mode, and leaves nothing else behind", async () => {
    const { options, text, file, mode } = await scene({ images, staging });
    await mode(0o640);
    const result = await merge(await options());
    expect(result.written).toBe(true);
    expect(await text()).toBe(
      long(
        '# mine\n- name: bar\n  dmap:\n    "<222>": ["2.0"]\n- name: foo\n  dmap:\n    "<000>": ["1.0"] # old\n    "<111>": ["1.1"]\n',
      ),
    );
    expect(await text()).toBe(result.after);
    expect((await stat(file)).mode & 0o777).toBe(0o640);
    expect(await readdir(dirname(file))).toEqual(["images.yaml"]);
    expect(result.diff).toContain('+    "sha256:');
  });

  test("a second time there is nothing to add, and the file is not touched", async () => {
    const { options, file } = await scene({ images, staging });
    await merge(await options());
    const before = await stat(file);
    const again = await merge(await options());
    expect(again).toMatchObject({ written: false, added: [], diff: "" });
    expect((await stat(file)).ino).toBe(before.ino);
  });

  test("a dry run writes nothing", async () => {
    const { options, text } = await scene({ images, staging });
    const before = await text();
    const result = await merge({ ...(await options()), dryRun: true });
    expect(result).toMatchObject({ written: false });
    expect(result.diff).not.toBe("");
    expect(await text()).toBe(before);
  });

  test("a file that was changed since the plan was made is left alone", async () => {
    const { options, text, write, file } = await scene({ images, staging });
    const plan = await planMerge(await options());
    await write("# another\n");
    expect((await failure(writeMerge(plan))).code).toBe("manifest-changed");
    expect(await text()).toBe("# another\n");
    expect(await readdir(dirname(file))).toEqual(["images.yaml"]);
  });

  test("a folder that is gone", async () => {
    const { options, remove } = await scene({ images, staging });
    const plan = await planMerge(await options());
    await remove();
    expect((await failure(writeMerge(plan))).code).toBe("write-failed");
  });
});

describe("canonical forms", () => {
  const images = [
    "# comment",
    "- name: foo",
    "  dmap:",
    "    <222>: [v1.10.0]",
    "    <111>: [v1.2.0, v1.10.1]",
    "- name: bar",
    "  dmap:",
    "    <000>:",
    "- name: foo",
    "  dmap:",
    "    <333>:",
    "    - v1.1.0",
    "",
  ].join("\n");
  const staging = { foo: { "999": ["v1.3.0"] } };

  test.each(["snapshot", "pr"] as const)(
    "%s keeps every edge, joins blocks, and says what is lost",
    async (format) => {
      const { options } = await scene({ images, staging });
      const inPlace = await planMerge(await options());
      const plan = await planMerge(await options({}, { format }));
      expect(plan.after.match(/sha256:[0-9a-f]{64}/g)?.sort()).toEqual(
        inPlace.after.match(/sha256:[0-9a-f]{64}/g)?.sort(),
      );
      expect(plan.after.match(/v1\.\d+\.\d+/g)?.sort()).toEqual(inPlace.after.match(/v1\.\d+\.\d+/g)?.sort());
      expect(plan.after.match(/name: foo/g)).toHaveLength(1);
      expect(plan.warnings.join()).toContain("comments are lost");
      const separator = format === "pr" ? "," : ", ";
      expect(plan.after).toContain(`["v1.10.1"${separator}"v1.2.0"]`);
      expect(plan.added).toMatchObject([{ tag: "v1.3.0" }]);
      expect(plan.after.split("\n")[(plan.added[0]?.line ?? 0) - 1]).toContain("v1.3.0");
    },
  );

  test("a list with an invalid line is not written anew", async () => {
    const { options } = await scene({ images: `${images}    sha256:abc: [x]\n`, staging });
    const error = await failure(planMerge(await options({}, { format: "snapshot" })));
    expect(error.code).toBe("manifest-invalid");
    expect((await planMerge(await options())).added).toHaveLength(1);
  });
});
