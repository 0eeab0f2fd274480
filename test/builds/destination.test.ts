import { describe, expect, test } from "vitest";
import { rehosted, renamed, splitImageName } from "../../src/builds/destination.ts";
import { plannedPush, sharedNames } from "../../src/builds/planned-push.ts";

describe("where images go", () => {
  test.each([
    ["gcr.io/k8s-staging-foo/bar", "localhost:5000/bar"],
    ["eu.gcr.io/k8s-staging-foo/deep/bar", "localhost:5000/deep/bar"],
    ["us-central1-docker.pkg.dev/k8s-staging-images/kro/controller", "localhost:5000/controller"],
    ["registry.example.com/k8s-staging-foo/bar", "localhost:5000/bar"],
    ["quay.io/team/bar", "localhost:5000/team/bar"],
    ["gcr.io/bar", "localhost:5000/bar"],
    ["bar", "localhost:5000/bar"],
    ["team/bar", "localhost:5000/team/bar"],
  ])("%s goes to %s", (repository, expected) => {
    expect(renamed(repository, "localhost:5000/", "k8s-staging-foo")).toBe(expected);
  });

  test("the embedded registry keeps the whole path", () => {
    expect(rehosted("gcr.io/p/x", "127.0.0.1:1234")).toBe("127.0.0.1:1234/p/x");
    expect(plannedPush("gcr.io/p/x:v1", { kind: "embedded", folder: "/data" }, "p")).toEqual({
      image: "gcr.io/p/x:v1",
      repository: "p/x",
      tag: "v1",
    });
  });

  test("names without a host are Docker's, where images go as they are named", () => {
    expect(plannedPush("busybox", { kind: "named" }, "p")).toMatchObject({
      repository: "docker.io/library/busybox",
      tag: "latest",
    });
    expect(plannedPush("localhost:5000/x:1", { kind: "named" }, "p").repository).toBe("localhost:5000/x");
  });

  test.each([
    "gcr.io/P/x:v1",
    "gcr.io//x:v1",
    "gcr.io/p/x:",
    "gcr.io/p/x@sha256:abc",
    "",
    "gcr.io/p/../x:1",
    "gcr.io/p/x:tag with space",
  ])("refuses %j", (image) => {
    expect(() => plannedPush(image, { kind: "named" }, "p")).toThrow(
      expect.objectContaining({ code: "invalid-destination" }),
    );
  });

  test("splits a port from a tag", () => {
    expect(splitImageName("localhost:5000/x")).toEqual({ repository: "localhost:5000/x", tag: "latest" });
    expect(splitImageName("localhost:5000/x:2")).toEqual({ repository: "localhost:5000/x", tag: "2" });
  });

  test("notes variants that the file gives one name, and refuses different images under one", () => {
    const build = (name: string, tag: string) => ({
      name,
      given: {},
      build: {} as never,
      actions: [],
      pushes: [{ image: `gcr.io/p/x:${tag}`, repository: "gcr.io/p/x", tag }],
    });
    expect(sharedNames([build("one", "a"), build("two", "b")])).toEqual([]);
    const note = /^the variants one, two all push gcr\.io\/p\/x:a: whichever is pushed last keeps the tag/;
    expect(sharedNames([build("one", "a"), build("two", "a")])).toEqual([expect.stringMatching(note)]);

    const byStep = ({ pushes, ...rest }: ReturnType<typeof build>) => ({
      ...rest,
      actions: [{ kind: "native" as const, pushes }],
      pushes: [],
    });
    expect(sharedNames([byStep(build("one", "a")), build("two", "a")])).toHaveLength(1);
    const [at] = build("one", "latest").pushes;
    if (at === undefined) throw new Error("no push");
    const twice = { ...byStep(build("one", "latest")), pushes: [{ ...at, image: "gcr.io/p/x" }] };
    expect(sharedNames([twice])).toEqual([]);
    const moved = { ...build("two", "latest"), pushes: [{ ...at, image: "quay.io/p/x:latest" }] };
    expect(() => sharedNames([build("one", "latest"), moved])).toThrow(/of one and .* of two/);
  });
});
