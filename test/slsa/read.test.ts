import { describe, expect, test } from "vitest";
import { buildClaims, isBuilder, isSource } from "../../src/slsa/index.ts";

const commit = "a".repeat(40);
const dependency = { uri: "git+https://github.com/example/p@refs/tags/v1", digest: { gitCommit: commit } };

/** A value that is as deep as that. */
function nested(depth: number): unknown {
  let value: unknown = "x";
  for (let level = 0; level < depth; level += 1) value = { value };
  return value;
}

/** A mapping that says of each key that is asked for. */
function watched(size: number, asked: { count: number }): object {
  const target = Object.fromEntries(Array.from({ length: size }, (_, at) => [`k${at}`, "v"]));
  return new Proxy(target, {
    get(of, key, receiver) {
      asked.count += 1;
      return Reflect.get(of, key, receiver);
    },
    getOwnPropertyDescriptor(of, key) {
      asked.count += 1;
      return Reflect.getOwnPropertyDescriptor(of, key);
    },
  });
}

describe("what provenance claims", () => {
  test("is kept within bounds, however large a predicate is", () => {
    const huge = "x".repeat(30 * 1024 * 1024);
    const claims = buildClaims({
      buildType: huge,
      buildDefinition: {
        buildType: huge,
        externalParameters: { workflow: { repository: huge, path: "p", ref: "r" }, substitutions: { huge } },
        resolvedDependencies: [
          { ...dependency, annotations: nested(5000), digest: { gitCommit: huge } },
          dependency,
        ],
      },
      runDetails: { builder: { id: huge }, metadata: { invocationId: huge, finishedOn: huge } },
    });
    expect(JSON.stringify(claims).length).toBeLessThan(10_000);
    expect(claims).toMatchObject({ commit, caller: "unclear", substitutions: { huge: "x".repeat(4000) } });
    expect(claims?.builder).toBeUndefined();
  });

  test("has no inputs where there are more than anybody lists: one that is left out may be the one that matters", () => {
    const many = Array.from({ length: 10_001 }, () => dependency);
    const claims = buildClaims({ buildDefinition: { resolvedDependencies: many } });
    expect(claims).toMatchObject({ materials: [] });
    expect(claims?.source).toBeUndefined();
    expect(buildClaims({ buildDefinition: { resolvedDependencies: many.slice(1) } })?.materials).toHaveLength(
      10_000,
    );
  });

  test("is counted before it is read", () => {
    const asked = { count: 0 };
    const digest = watched(100_000, asked);
    buildClaims({ buildDefinition: { resolvedDependencies: [{ uri: "u", digest }] } });
    expect(asked.count).toBeLessThan(100);
    buildClaims({ buildDefinition: { externalParameters: { substitutions: watched(100_000, asked) } } });
    expect(asked.count).toBeLessThan(5000);
  });

  test.each([
    [
      "version 1",
      { buildDefinition: { externalParameters: { workflow: { repository: "r", path: "p", ref: "f" } } } },
    ],
    ["version 0.2", { invocation: { configSource: { uri: "git+r@f", entryPoint: "p" } } }],
  ])("names the workflow that called in %s", (_, predicate) => {
    expect(buildClaims(predicate)?.caller).toEqual({ repository: "r", path: "p", ref: "f" });
  });

  test.each([
    [{ buildDefinition: { externalParameters: { workflow: "text" } } }, "unclear"],
    [{ invocation: { configSource: { uri: "git+r", entryPoint: "p" } } }, "unclear"],
    [{ invocation: { configSource: { digest: {} } } }, undefined],
    [{}, undefined],
  ])("of %j the caller is %s", (predicate, caller) => {
    expect(buildClaims(predicate)?.caller).toBe(caller);
  });

  test("of no predicate is nothing", () => {
    for (const value of [undefined, null, "text", [], 1]) expect(buildClaims(value)).toBeUndefined();
  });
});

test("names of sources and builders are compared as a policy means them", () => {
  expect(isSource("github.com/example/p", "git+https://GitHub.com/example/p.git@refs/tags/v1")).toBe(true);
  expect(isSource("github.com/example/p", "https://github.com/example/p2")).toBe(false);
  expect(isBuilder("https://b", "https://b@v1")).toBe(true);
  expect(isBuilder("https://b@v2", "https://b@v1")).toBe(false);
});
