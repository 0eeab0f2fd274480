import { describe, expect, it } from "vitest";
import { desiredRepositories, edgesOf } from "../../src/edges/index.ts";
import { decideImage } from "../../src/promotion/decide.ts";
import type { Images, World } from "./world.ts";
import { digestFor, manifestOf, verdicts } from "./world.ts";

const src = "gcr.io/foo";
const dst1 = "gcr.io/bar";
const dst2 = "gcr.io/cat";
const everywhere = (images: Images): World => ({ [src]: images, [dst1]: images, [dst2]: images });

/** The cases that the incumbents' own tests decide, and what Waybill says of each. */
const cases: readonly {
  name: string;
  images: Images;
  destinations?: readonly string[];
  world: World;
  expected: Record<string, string>;
}[] = [
  { name: "no manifest lines: nothing", images: {}, world: {}, expected: {} },
  {
    name: "already promoted, with something else beside it",
    images: { a: { "000": ["0.9"] } },
    destinations: [dst1],
    world: { [src]: { a: { "000": ["0.9"] } }, [dst1]: { a: { "000": ["0.9"] }, b: { "111": ["x"] } } },
    expected: { [`${dst1}/a:0.9`]: "present" },
  },
  {
    name: "already promoted everywhere",
    images: { a: { "000": ["0.9"] } },
    world: everywhere({ a: { "000": ["0.9"] } }),
    expected: { [`${dst1}/a:0.9`]: "present", [`${dst2}/a:0.9`]: "present" },
  },
  {
    name: "two tags swapped: both conflict",
    images: { c: { "222": ["3.0"], "333": ["2.0"] } },
    world: everywhere({ c: { "222": ["2.0"], "333": ["3.0"] } }),
    expected: {
      [`${dst1}/c:3.0`]: "conflict",
      [`${dst1}/c:2.0`]: "conflict",
      [`${dst2}/c:3.0`]: "conflict",
      [`${dst2}/c:2.0`]: "conflict",
    },
  },
  {
    name: "one destination lacks it",
    images: { a: { "000": ["0.9"] } },
    world: {
      [src]: { a: { "000": ["0.9"] } },
      [dst1]: { b: { "111": [] } },
      [dst2]: { a: { "000": ["0.9"] } },
    },
    expected: { [`${dst1}/a:0.9`]: "copy", [`${dst2}/a:0.9`]: "present" },
  },
  {
    name: "the destination holds another digest without tags",
    images: { a: { "000": ["0.9"] } },
    destinations: [dst1],
    world: { [src]: { a: { "000": ["0.9"] } }, [dst1]: { a: { "111": [] } } },
    expected: { [`${dst1}/a:0.9`]: "copy" },
  },
  {
    name: "the tag stands at another digest and the wanted one is there too",
    images: { a: { bad: ["good"] } },
    world: {
      [src]: { a: { bad: ["some-other-tag"] } },
      [dst1]: { a: { bad: ["some-other-tag"], "600d": ["good"] } },
      [dst2]: { a: { bad: ["some-other-tag"], "600d": ["good"] } },
    },
    expected: { [`${dst1}/a:good`]: "conflict", [`${dst2}/a:good`]: "conflict" },
  },
  {
    name: "a destination below a path",
    images: { a: { "000": ["0.9"] } },
    destinations: ["us.gcr.io/dog/some/subdir/path/foo"],
    world: { [src]: { a: { "000": ["0.9"] } }, "us.gcr.io/dog/some/subdir/path": { a: { "111": ["0.8"] } } },
    expected: { "us.gcr.io/dog/some/subdir/path/foo/a:0.9": "copy" },
  },
  {
    name: "without a tag",
    images: { a: { "000": [] } },
    world: { [src]: { a: { "000": [] } }, [dst1]: { a: { "000": [] } }, [dst2]: { c: { "222": [] } } },
    expected: { [`${dst1}/a@`]: "present", [`${dst2}/a@`]: "copy" },
  },
  {
    name: "extra tags in production are left alone",
    images: { a: { "000": ["0.9"] } },
    destinations: [dst1],
    world: { [src]: { a: { "000": ["0.9"] } }, [dst1]: { a: { "000": ["0.9", "extra-tag"] } } },
    expected: { [`${dst1}/a:0.9`]: "present" },
  },
  {
    name: "staging has these digests only under other names: lost, not skipped",
    images: { a: { "000": ["missing"], "333": ["0.8"] }, b: { bbb: ["x"] } },
    destinations: [dst1],
    world: { [src]: { c: { "000": [], bbb: [] }, d: { "333": [] } }, [dst1]: { a: { "333": ["0.8"] } } },
    expected: { [`${dst1}/a:missing`]: "lost", [`${dst1}/a:0.8`]: "present", [`${dst1}/b:x`]: "lost" },
  },
  {
    name: "a further tag on a promoted digest",
    images: { a: { "000": ["0.9", "1.0"] } },
    world: everywhere({ a: { "000": ["0.9"] } }),
    expected: {
      [`${dst1}/a:0.9`]: "present",
      [`${dst1}/a:1.0`]: "tag",
      [`${dst2}/a:0.9`]: "present",
      [`${dst2}/a:1.0`]: "tag",
    },
  },
  {
    name: "the tag stands at another digest and the wanted one is absent",
    images: { foo: { d1: ["v1"] } },
    destinations: [dst1],
    world: { [src]: { foo: { d1: ["v1"] } }, [dst1]: { foo: { d2: ["v1"] } } },
    expected: { [`${dst1}/foo:v1`]: "conflict" },
  },
  {
    name: "an image that production holds needs no staging",
    images: { a: { "000": ["0.9", "1.0"] } },
    destinations: [dst1],
    world: { [dst1]: { a: { "000": ["0.9"] } } },
    expected: { [`${dst1}/a:0.9`]: "present", [`${dst1}/a:1.0`]: "tag" },
  },
];

describe("the decision table", () => {
  it.each(cases)("$name", ({ images, destinations, world, expected }) => {
    expect(verdicts([manifestOf("p", src, destinations ?? [dst1, dst2], images)], world)).toEqual(expected);
  });

  it("files an image under its full path, whichever registry prefixes another", () => {
    const world = {
      "r.io/images": { "a/x": { "000": ["1"] } },
      [src]: { x: { "000": [] }, "a/x": { "000": [] } },
    };
    const nested = manifestOf("nested", src, ["r.io/images/a"], { x: { "000": ["1"] } });
    const flat = manifestOf("flat", src, ["r.io/images"], { "a/x": { "000": ["1"] } });
    for (const order of [
      [nested, flat],
      [flat, nested],
    ]) {
      expect(verdicts(order, world)).toEqual({ "r.io/images/a/x:1": "present" });
    }
  });

  it("stops only the tag that two digests claim", () => {
    const one = manifestOf("one", src, [dst1], { a: { "000": ["0.9", "fine"] } });
    const two = manifestOf("two", "gcr.io/other", [dst1], { a: { "111": ["0.9"] } });
    const world = { [src]: { a: { "000": [] } }, "gcr.io/other": { a: { "111": [] } } };
    expect(verdicts([one, two], world)).toEqual({ [`${dst1}/a:0.9`]: "overlap", [`${dst1}/a:fine`]: "copy" });
  });

  it("takes one digest from two sources for one image", () => {
    const one = manifestOf("one", src, [dst1], { a: { "000": ["0.9"] } });
    const two = manifestOf("two", "gcr.io/other", [dst1], { a: { "000": ["0.9"] } });
    const [repository] = desiredRepositories(edgesOf([one, two]));
    expect(repository?.images).toHaveLength(1);
    expect(verdicts([one, two], { "gcr.io/other": { a: { "000": [] } } })).toEqual({
      [`${dst1}/a:0.9`]: "copy",
    });
  });

  it("does not take unread for absent", () => {
    const [repository] = desiredRepositories(
      edgesOf([manifestOf("p", src, [dst1], { a: { "000": ["0.9"] } })]),
    );
    const image = repository?.images[0];
    if (repository === undefined || image === undefined) throw new Error("no image");
    const failure = { code: "unreachable", message: "connection refused" };
    const tag = image.tags[0]?.tag;
    if (tag === undefined) throw new Error("no tag");
    const contested = new Map();
    const unread = { empty: false, digests: new Map(), tags: new Map([[tag, { failure }]]) };
    expect(decideImage(image, unread, contested).edges).toMatchObject([
      { verdict: "unread", reason: "destination-unread", failure },
    ]);
    const absent = {
      empty: true,
      digests: new Map([[digestFor("000"), { digest: undefined }]]),
      tags: new Map([[tag, { digest: undefined }]]),
    };
    expect(decideImage(image, absent, contested, { state: "unread", failure }).edges).toMatchObject([
      { verdict: "unread", reason: "source-unread", failure },
    ]);
  });
});
