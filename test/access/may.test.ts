import { describe, expect, test } from "vitest";
import {
  type AccessSettings,
  closedAccess,
  grantedRole,
  isAtLeast,
  isOwnRequest,
  lesserRole,
  localPath,
  mayDo,
  type Principal,
  type Role,
  roles,
  type ServedAct,
} from "../../src/access/index.ts";

const nobody: Principal = {
  ...{ kind: "anonymous", id: "anonymous", name: "nobody", role: undefined, names: [], groups: [] },
  most: "reader",
};
const person = (more: Partial<Principal>): Principal => ({
  ...{ kind: "person", id: "p", name: "Ann", role: undefined, names: ["ann", "forge:ann"], groups: ["org"] },
  ...{ most: "admin", ...more },
});
const machine = (more: Partial<Principal>): Principal => ({
  ...{ kind: "machine", id: "t", name: "ci", role: "runner", names: [], groups: [], most: "runner", ...more },
});
const isGiven = (
  who: Principal,
  act: ServedAct,
  job?: Parameters<typeof mayDo>[2],
  settings = closedAccess,
) => mayDo(who, act, job, settings).isGiven;

test("each role may what those before it may, and nothing more", () => {
  const acts: readonly ServedAct[] = ["read", "run", "release", "manage"];
  for (const [at, role] of roles.entries()) {
    expect(acts.map((act) => isGiven(person({ role }), act))).toEqual(acts.map((_, other) => other <= at));
  }
  expect(acts.map((act) => isGiven(person({}), act))).toEqual([false, false, false, false]);
  expect(acts.map((act) => isGiven(nobody, act))).toEqual([false, false, false, false]);
});

test("the lesser of two roles is the lesser of two roles", () => {
  const all: readonly (Role | undefined)[] = [undefined, ...roles];
  for (const [one, first] of all.entries()) {
    for (const [other, second] of all.entries()) {
      expect(lesserRole(first, second)).toBe(all[Math.min(one, other)]);
    }
  }
  expect(isAtLeast(undefined, "reader")).toBe(false);
});

test("everybody reads where anonymous reading is on, and does nothing else", () => {
  const settings = { ...closedAccess, anonymousReading: true };
  const acts: readonly ServedAct[] = ["read", "run", "release", "manage"];
  expect(acts.map((act) => isGiven(nobody, act, undefined, settings))).toEqual([true, false, false, false]);
  expect(isGiven(nobody, "run", { name: "job", rerun: { anyone: true } }, settings)).toBe(false);
});

describe("what a job gives", () => {
  const job = { name: "push" };
  test.each([
    ["anyone", { anyone: true }, person({}), true],
    ["anyone, but no machine that is nobody's", { anyone: true }, machine({ role: "reader" }), false],
    ["a user", { users: ["Ann"] }, person({}), true],
    ["another user", { users: ["anna"] }, person({}), false],
    ["a user of another provider", { users: ["ann"] }, person({ names: ["sso:ann"] }), false],
    ["an organization", { orgs: ["Org"] }, person({}), true],
    ["a team", { teams: ["org/release"] }, person({ groups: ["org", "org/release"] }), true],
    ["another team", { teams: ["org/release"] }, person({}), false],
    ["nothing", {}, person({}), false],
  ])("by rerun: %s", (_, rerun, who, expected) => {
    expect(isGiven(who, "run", { ...job, rerun })).toBe(expected);
    expect(isGiven(who, "release", { ...job, rerun })).toBe(false);
    expect(isGiven(who, "manage", { ...job, rerun })).toBe(false);
  });

  test("to those of OWNERS, as far as the settings say", () => {
    const owned = { ...job, owners: ["ann", "org/team"] };
    expect(isGiven(person({}), "release", owned)).toBe(false);
    const settings = { ...closedAccess, owners: "releaser" } as const;
    expect(isGiven(person({}), "release", owned, settings)).toBe(true);
    expect(isGiven(person({ names: [], groups: ["org/team"] }), "run", owned, settings)).toBe(true);
    expect(isGiven(person({}), "manage", owned, settings)).toBe(false);
    expect(isGiven(person({ names: ["bob"] }), "run", owned, settings)).toBe(false);
  });

  test("to a token of a person's no more than its scope", () => {
    const who = person({ kind: "machine", most: "reader" });
    expect(isGiven(who, "run", { ...job, rerun: { anyone: true } })).toBe(false);
    const settings = { ...closedAccess, owners: "admin" } as const;
    expect(isGiven(who, "run", { ...job, owners: ["ann"] }, settings)).toBe(false);
  });
});

test("a token for some jobs does nothing to others, and reads all that its role may", () => {
  const who = machine({ role: "admin", most: "admin", jobs: ["push"] });
  expect(isGiven(who, "run", { name: "push" })).toBe(true);
  expect(isGiven(who, "run", { name: "other" })).toBe(false);
  expect(isGiven(who, "manage")).toBe(false);
  expect(isGiven(who, "read")).toBe(true);
  expect(mayDo(who, "run", { name: "other" }, closedAccess)).toMatchObject({
    reason: "ci is limited to push",
  });
});

test("roles are given by users, groups and to everybody who has logged in", () => {
  const granted: AccessSettings["roles"] = {
    reader: { everyone: true },
    runner: { groups: ["Org"] },
    releaser: { users: ["sso:bob", "github:#17"] },
    admin: { groups: ["org/admins"] },
  };
  const role = (names: readonly string[], groups: readonly string[] = []) =>
    grantedRole({ names, groups }, granted);
  expect(role(["eve"])).toBe("reader");
  expect(role(["eve"], ["org"])).toBe("runner");
  expect(role(["bob"])).toBe("reader");
  expect(role(["sso:bob"])).toBe("releaser");
  expect(role(["ann", "github:#17"])).toBe("releaser");
  expect(role(["ann"], ["org", "org/admins"])).toBe("admin");
  expect(grantedRole({ names: ["ann"], groups: [] }, {})).toBeUndefined();
});

test.each([
  ["GET", undefined, undefined, true],
  ["HEAD", "cross-site", "https://evil.example", true],
  ["POST", "same-origin", undefined, true],
  ["POST", "none", undefined, true],
  ["POST", "same-site", "https://waybill.example", false],
  ["POST", "cross-site", "https://waybill.example", false],
  ["DELETE", undefined, "https://waybill.example", true],
  ["POST", undefined, "https://waybill.example:444", false],
  ["POST", undefined, "http://waybill.example", false],
  ["POST", undefined, "https://waybill.example.evil", false],
  ["POST", undefined, "null", false],
  ["POST", undefined, undefined, false],
  ["POST", "", undefined, false],
])("a %s from %s at %s is one of our pages': %s", (method, fetchSite, origin, expected) => {
  expect(isOwnRequest({ method, fetchSite, origin }, "https://waybill.example")).toBe(expected);
});

test.each([
  ["/runs?job=a#x", "/runs?job=a#x"],
  ["/", "/"],
  ["//evil.example", "/"],
  ["/\\evil.example", "/"],
  ["https://evil.example/", "/"],
  ["", "/"],
  ["/a\r\nSet-Cookie: b", "/"],
  ["/a\tb", "/"],
  [`/${"a".repeat(3_000)}`, "/"],
])("who comes back from a login to %j goes to %j", (asked, expected) => {
  expect(localPath(asked)).toBe(expected);
});
