import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseChallenges } from "../../src/registry/host/challenge.ts";

const read = (header: string | readonly string[] | undefined) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe("WWW-Authenticate", () => {
  it.each([
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        "bearer",
        {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          scope: "repository:a/b:pull,push",
        },
      ],
    ],
    ['BEARER Realm = "x" , SERVICE = y', ["bearer", { realm: "x", service: "y" }]],
    ["Bearer realm=https://a/token,service=s", ["bearer", { realm: "https://a/token", service: "s" }]],
    [
      "Bearer scope=repository:a/b:pull,push,delete,realm=https://a/token,service=s",
      ["bearer", { scope: "repository:a/b:pull,push,delete", realm: "https://a/token", service: "s" }],
    ],
    ["Bearer scope=registry:catalog:*, realm=r", ["bearer", { scope: "registry:catalog:*", realm: "r" }]],
    ['Bearer realm="a" service="b"', ["bearer", { realm: "a", service: "b" }]],
    ['Basic realm="say \\"hello\\", world"', ["basic", { realm: 'say "hello", world' }]],
    ["Basic", ["basic", {}]],
    ['Bearer realm="first",realm="second"', ["bearer", { realm: "first" }]],
    ['Bearer realm=""', ["bearer", { realm: "" }]],
  ])("reads %s", (header, expected) => {
    expect(read(header)).toEqual([expected]);
  });

  it("reads several challenges, in one header and in several", () => {
    const both = [
      ["negotiate", {}],
      ["bearer", { realm: "r", service: "s" }],
      ["basic", { realm: "b" }],
    ];
    expect(read('Negotiate abc123==, Bearer realm="r", service="s", Basic realm="b"')).toEqual(both);
    expect(read(["Negotiate abc123==", 'Bearer realm="r",service="s"', 'Basic realm="b"'])).toEqual(both);
  });

  it("gives nothing for nothing, and what it could read of the rest", () => {
    expect(read(undefined)).toEqual([]);
    expect(read("")).toEqual([]);
    expect(read('"')).toEqual([]);
    expect(read('Bearer realm="unclosed')).toEqual([["bearer", {}]]);
  });

  it("reads back what is written, whatever the values hold", () => {
    const value = fc.string({ maxLength: 40 }).filter((text) => !/[\r\n]/.test(text));
    fc.assert(
      fc.property(value, value, (realm, service) => {
        const quoted = [realm, service].map((text) => `"${text.replace(/[\\"]/g, "\\$&")}"`);
        expect(read(`Bearer realm=${quoted[0]}, service=${quoted[1]}`)).toEqual([
          ["bearer", { realm, service }],
        ]);
      }),
    );
  });

  it("takes any text without failing, and in time that does not explode", () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => void parseChallenges(text)));
    // Would not come back within the test's time if the patterns tried every way to match.
    for (const hostile of ['a="\\'.repeat(4000), "a,".repeat(8000), `Bearer ${" ".repeat(16_000)}`]) {
      parseChallenges(hostile);
    }
  });
});
