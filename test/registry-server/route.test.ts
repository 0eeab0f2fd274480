import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { layoutOf, placeOf } from "../../src/registry-server/layout.ts";
import { Refusal } from "../../src/registry-server/refusal.ts";
import { readRequestTarget } from "../../src/registry-server/route.ts";

const digest = `sha256:${"a".repeat(64)}`;
const id = "0c5f1c2e-6d7c-4d1f-9b0a-2f5d9a7f0001";

const component = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const words = fc.constantFrom("blobs", "uploads", "manifests", "tags", "list", "referrers", "v2");
const name = fc
  .array(fc.oneof(component, words), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join("/"));
const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);

function refusalOf(method: string, target: string): Refusal {
  try {
    readRequestTarget(method, target);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown;
    throw thrown;
  }
  throw new Error(`${method} ${target} was not refused`);
}

describe("request targets", () => {
  test.each([
    ["/v2/", { kind: "version" }],
    ["/v2", { kind: "version" }],
    ["/v2/_catalog", { kind: "catalog" }],
    ["/v2/a/b/tags/list", { kind: "tags", repository: "a/b" }],
    ["/v2/a/manifests/latest", { kind: "manifest", repository: "a", target: "latest" }],
    [`/v2/a/manifests/${digest}`, { kind: "manifest", repository: "a", target: digest }],
    [`/v2/a/blobs/${digest}`, { kind: "blob", repository: "a", digest }],
    [`/v2/a/blobs/${digest.replace(":", "%3A")}`, { kind: "blob", repository: "a", digest }],
    ["/v2/a/blobs/uploads/", { kind: "uploads", repository: "a" }],
    ["/v2/a/blobs/uploads", { kind: "uploads", repository: "a" }],
    [`/v2/a/blobs/uploads/${id}`, { kind: "upload", repository: "a", id }],
    [`/v2/a/referrers/${digest}`, { kind: "referrers", repository: "a", subject: digest }],
    ["/v2/blobs/uploads/tags/list", { kind: "tags", repository: "blobs/uploads" }],
    ["/v2/tags/list/manifests/tags", { kind: "manifest", repository: "tags/list", target: "tags" }],
  ])("%s", (target, route) => {
    expect(readRequestTarget("GET", target).route).toEqual(route);
  });

  test.each([
    ["GET", "/", 404, "UNSUPPORTED"],
    ["GET", "/v1/", 404, "UNSUPPORTED"],
    ["GET", "/v2/a", 404, "UNSUPPORTED"],
    ["GET", "/v2/_catalog/x", 404, "UNSUPPORTED"],
    ["GET", "/v2/tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2//tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2/../tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2/a/%2e%2e/tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2/a%2F..%2F..%2Fetc/tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2/a%00b/tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2/a%zz/tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2/A/tags/list", 400, "NAME_INVALID"],
    ["GET", "/v2/a/_tags/tags/list", 400, "NAME_INVALID"],
    ["GET", `/v2/${"a".repeat(256)}/tags/list`, 400, "NAME_INVALID"],
    ["GET", "/v2/a/manifests/sha256:bad", 400, "DIGEST_INVALID"],
    ["GET", "/v2/a/manifests/.invalid", 404, "MANIFEST_UNKNOWN"],
    ["PUT", "/v2/a/manifests/.invalid", 400, "MANIFEST_INVALID"],
    ["GET", "/v2/a/manifests/", 404, "MANIFEST_UNKNOWN"],
    ["GET", "/v2/a/blobs/latest", 400, "DIGEST_INVALID"],
    ["GET", "/v2/a/blobs/", 400, "DIGEST_INVALID"],
    ["GET", "/v2/a/referrers/latest", 400, "DIGEST_INVALID"],
    ["PATCH", "/v2/a/blobs/uploads/../../x", 404, "UNSUPPORTED"],
    ["PATCH", "/v2/a/blobs/uploads/..%2f..%2fx", 404, "UNSUPPORTED"],
    ["PATCH", "/v2/a/blobs/uploads/nobody", 404, "BLOB_UPLOAD_UNKNOWN"],
  ])("%s %s is refused with %i %s", (method, target, status, code) => {
    expect(refusalOf(method, target)).toMatchObject({ status, code });
  });

  test("every name and tag of the grammar is read back, whatever its components are called", () => {
    fc.assert(
      fc.property(name, tag, (repository, reference) => {
        const { route } = readRequestTarget("GET", `/v2/${repository}/manifests/${reference}`);
        expect(route).toEqual({ kind: "manifest", repository, target: reference });
        expect(readRequestTarget("GET", `/v2/${repository}/tags/list`).route).toEqual({
          kind: "tags",
          repository,
        });
        expect(readRequestTarget("POST", `/v2/${repository}/blobs/uploads/`).route).toEqual({
          kind: "uploads",
          repository,
        });
      }),
    );
  });

  test("whatever text comes, it is refused or names a folder below the registry's", () => {
    const hostile = fc.array(
      fc.oneof(
        fc.constantFrom("..", ".", "", "%2e%2e", "%2f", "%5c", "\\", "_tags", "_blobs", "\0", "a", "%"),
        words,
        fc.string(),
      ),
      { maxLength: 8 },
    );
    const root = layoutOf("/registry");
    fc.assert(
      fc.property(fc.constantFrom("GET", "PUT", "POST", "PATCH"), hostile, (method, parts) => {
        let route: ReturnType<typeof readRequestTarget>["route"];
        try {
          route = readRequestTarget(method, `/v2/${parts.join("/")}`).route;
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Refusal);
          return;
        }
        if (!("repository" in route)) return;
        expect(placeOf(root, route.repository).folder).toBe(`/registry/repositories/${route.repository}`);
        expect(route.repository).toMatch(/^[a-z0-9][a-z0-9._/-]*$/);
        expect(route.repository.split("/").some((part) => part === ".." || part.startsWith("_"))).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });
});
