import { sep } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseRepository, repositoryFault, restBelow } from "../../src/oci/index.ts";
import { type Location, locate } from "../../src/settings/index.ts";

const at = (locations: readonly Location[], name: string) => locate(locations, parseRepository(name));

test("a repository without a location is where its name says", () => {
  expect(at([], "gcr.io/foo")).toEqual({ kind: "remote", repository: "gcr.io/foo" });
  expect(at([{ repository: "gcr.io/fo", at: "localhost:5000/x" }], "gcr.io/foo")).toEqual({
    kind: "remote",
    repository: "gcr.io/foo",
  });
});

test("the longest prefix decides, and the rest of the name goes on below it", () => {
  const locations = [
    { repository: "gcr.io", at: "localhost:5000/gcr" },
    { repository: "gcr.io/k8s-staging-foo", at: "oci:/mnt/usb/foo" },
    { repository: "gcr.io/k8s-staging-foo/bar", at: "mirror.example.com/bar" },
  ];
  expect(at(locations, "gcr.io/other/app")).toEqual({
    kind: "remote",
    repository: "localhost:5000/gcr/other/app",
  });
  expect(at(locations, "gcr.io/k8s-staging-foo/baz/sub")).toEqual({
    kind: "folder",
    folder: "/mnt/usb/foo/baz/sub",
    root: "/mnt/usb/foo",
  });
  expect(at(locations, "gcr.io/k8s-staging-foo/bar")).toEqual({
    kind: "remote",
    repository: "mirror.example.com/bar",
  });
});

test("a location is not mapped a second time", () => {
  const locations = [
    { repository: "a.io", at: "b.io" },
    { repository: "b.io", at: "a.io" },
  ];
  expect(at(locations, "a.io/x")).toEqual({ kind: "remote", repository: "b.io/x" });
});

test("a repository that a host alone would stand for is an error", () => {
  expect(() => at([{ repository: "gcr.io/foo", at: "localhost:5000" }], "gcr.io/foo")).toThrowError(
    expect.objectContaining({ code: "location-unusable" }),
  );
});

test.each(["blobs", "index.json", "oci-layout", "sub/blobs/sha256"])(
  "a repository %s would lie inside another one's layout",
  (rest) => {
    const locations = [{ repository: "gcr.io/foo", at: "oci:/mnt/usb" }];
    expect(() => at(locations, `gcr.io/foo/${rest}`)).toThrowError(
      expect.objectContaining({ code: "location-unusable" }),
    );
  },
);

test("whatever the name, a folder lies below its root, and two names never share one", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,3}(?:[._-][a-z0-9]{1,3})?$/);
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `gcr.io/${parts.join("/")}`);
  const locations = [{ repository: "gcr.io", at: "oci:/mnt/usb" }];
  fc.assert(
    fc.property(path, path, (one, other) => {
      fc.pre(repositoryFault(one) === undefined && repositoryFault(other) === undefined);
      const [first, second] = [at(locations, one), at(locations, other)];
      if (first.kind !== "folder" || second.kind !== "folder") throw new Error("expected folders");
      expect(first.folder.startsWith(`/mnt/usb${sep}`)).toBe(true);
      expect(restBelow("gcr.io", one)).toBe(first.folder.slice("/mnt/usb/".length));
      expect(first.folder === second.folder).toBe(one === other);
    }),
  );
});
